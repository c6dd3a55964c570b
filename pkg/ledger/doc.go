// Package ledger remembers what was seen of each lock and what people were notified of,
// so that there is one alert for a lock, reminders in time, and a message when it is gone.
// It also keeps the records of what was released and pruned.
//
// Compare and CompareStores decide, purely, what is new against the memory. The rest are
// types over one DynamoDB table, each with rows of its own kinds: Notifications (the memory
// and its lease), History (locks that have ended), Witnesses (S3's events of locks), AutoReleases
// (automatic release), and the records: Releases, Prunes, Repairs and Reports.
// docs/ledger.md lists every field and how long it is kept. One invocation at a time
// notifies: it holds a Lease, publishes first and records then, so that no crash loses an
// alert and only a crash between the two repeats one. The package publishes nothing itself.
package ledger
