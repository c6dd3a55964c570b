// Package policy decides, and says why: is a lock stuck, is its run likely dead,
// may it be released.
//
// Every decision is a pure function of what it is given, the time included. The
// package knows no AWS, no clock and no storage. Its Description is how a judged lock
// reads everywhere: in the functions' answers, in events and in the ledger.
package policy
