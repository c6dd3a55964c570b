// Package ledger remembers what was seen of each lock and what people were told,
// so that a lock is alerted once, reminded in time and reported resolved.
//
// Compare decides, purely, what is new against the memory. Table keeps the memory in
// DynamoDB. One invocation at a time tells: it holds a lease, publishes first
// and records then, so that no crash loses an alert and only a crash between the
// two repeats one. The package publishes nothing itself.
package ledger
