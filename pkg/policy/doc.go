// Package policy decides, and says why. Its decisions, each in the file of that name:
//
//   - judge, threshold: how old a lock is, and whether it is stuck;
//   - evidence: how likely its run is alive;
//   - release: whether it may be released;
//   - auto, brake: whether it may be released automatically, and how many in an hour;
//   - prune, stale: whether a state may be deleted, and why one is kept;
//   - repair: what may be done about a digest or a version;
//   - statechange, statefinding: what is wrong with a state;
//   - locking, traces: whether clients of a state exclude each other.
//
// Every decision is a pure function of what it is given, the time included. The
// package knows no AWS, no clock and no storage. Its Description is how a judged lock
// reads everywhere: in the functions' answers, in events and in the ledger.
package policy
