// Package monitor is the scheduled scan: see every lock, tell people what is new,
// measure, and answer with the locks of now.
package monitor
