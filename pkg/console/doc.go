// Package console draws the pages of the dashboard's custom widget: the current locks
// with a button to release, the result of a release, the stale states with a button to
// restore, the inventory's findings and states, and what a repair would do with a button to
// repair.
//
// It changes nothing. Its buttons call the functions that do, under the viewer's own
// IAM permissions, and those answer with the pages of this package.
package console
