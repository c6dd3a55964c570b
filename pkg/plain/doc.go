// Package plain makes a text that somebody else wrote safe to show to people. It
// knows nothing of where it is shown: markup is escaped by who writes it.
package plain
