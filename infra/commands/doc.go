// Package commands tests the commands that people are given: what `make unlock` makes of
// what is pasted into it, and every command that a page, an output or an alert prints.
package commands
