package main

// ignoreKeys does nothing: Windows has no such signals.
func ignoreKeys() {}
