// Package scan reads every watched store and judges each lock that it finds: the
// sight that the monitor tells of and that the console draws.
//
// It tells nobody and records nothing. What earlier scans knew it is handed as a
// ledger.Memory.
package scan
