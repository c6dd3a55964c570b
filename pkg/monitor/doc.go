// Package monitor is the scan: read every store, judge each lock, tell people what
// is new, measure, and answer with the locks of now.
package monitor
