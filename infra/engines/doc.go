// Command engines tries this project on engines that nobody here wrote: the promises of
// package backend on each store (package contract), and scenes of the built functions and
// real clients on each world, which is a table store, a bucket store and an AWS for the rest.
// It prints which are held, row by engine. What an engine cannot do has a name in
// exceptions.go, and the product must report it in words; anything else is a failure.
package main
