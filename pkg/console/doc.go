// Package console draws the pages of the dashboard's custom widget: the current locks
// with a button to release, the result of a release, the stale states with a button to
// restore.
//
// It changes nothing. Its buttons call the functions that do, under the viewer's own
// IAM permissions, and those answer with the pages of this package.
package console
