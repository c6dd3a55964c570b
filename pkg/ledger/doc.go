// Package ledger remembers what was seen of each lock and what people were notified of,
// so that there is one alert for a lock, reminders in time, and word when it is gone.
//
// Compare and CompareStores decide, purely, what is new against the memory. Table keeps
// the memory in DynamoDB. One invocation at a time notifies: it holds a Lease, publishes
// first and records then, so that no crash loses an alert and only a crash between the
// two repeats one. The package publishes nothing itself.
package ledger
