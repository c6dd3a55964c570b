// Package inventory describes every state of the watched buckets, finds what is wrong with
// them, and writes the report.
//
// [Inventory.Run] lists the buckets, reads the states whose ETag changed since the last
// run, compares each with what was read before and with its digest, looks for objects that
// two states manage, notifies people of what is new and of what is gone, and writes the
// files.
//
// What it knows of a state between two runs is its memory, a file beside the report. Of the
// values in a state the memory has nothing but hashes, keyed with a secret of its own.
package inventory
