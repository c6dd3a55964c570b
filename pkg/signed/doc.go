// Package signed makes single calls of AWS's services, signed by the SDK and sent to where
// its clients would, without those clients: what a client loads takes one to two
// milliseconds of every start of a function that may never call it (docs/adr/0017).
package signed
