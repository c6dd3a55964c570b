// Package prune deletes stale states that are certainly empty, so that it can be
// undone and no client ever meets a broken state. Every doubt keeps a state, with its
// reason.
package prune
