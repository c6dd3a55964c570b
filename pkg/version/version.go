// Package version says which release this is.
package version

// Current is the newest release in CHANGELOG.md, or, while that has a heading Unreleased, the
// next one with -dev at its end. A release's tag is v and this. It is a constant, so that make
// build, sam build and go install all have it, and the same sources give the same bytes.
const Current = "0.1.0-dev"
