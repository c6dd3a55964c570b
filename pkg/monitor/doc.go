// Package monitor is the scheduled scan: see every lock, notify people of what is new,
// measure, and answer with the current locks.
package monitor
