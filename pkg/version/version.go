// Package version says which release this is.
package version

// Current is the newest release in CHANGELOG.md, or, while that has a heading Unreleased, the
// next one with -dev at its end. A release's tag is v and this.
const Current = "0.1.0-dev"
