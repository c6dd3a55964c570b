// Package scan reads every watched store and judges each lock that it finds.
//
// A Scan is what one reading found, from the first listing to the comparison with what
// earlier scans saw: the monitor notifies people of it, the console draws it, and the ledger
// compares it. The package notifies nobody and records nothing, and knows the memory of
// earlier scans only as something that it asks for a lock's sighting.
package scan
