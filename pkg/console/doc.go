// Package console draws the pages of the dashboard's custom widget: the locks of now
// with a button to release, what became of a release, the stale states with a button to
// restore.
//
// It changes nothing. Its buttons call the functions that do, under the viewer's own
// IAM permissions, and those answer with the pages of this package.
package console
