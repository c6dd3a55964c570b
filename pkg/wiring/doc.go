// Package wiring is what every function does before its first event: read and check
// the environment, open AWS, log as Lambda wants it. It decides nothing.
package wiring
