package main

import (
	"slices"
	"strings"
)

// trouble is what goes wrong with every call of a kind for as long as it lasts: a whole
// run, and the repeat of it.
type trouble struct {
	name  string
	fault fault
	// hits says which calls.
	hits func(w *world, c call, body string) bool
	// law says what else must hold after a run with it.
	law func(w *world, c contents, calls []seen) []string
}

func (c call) is(service string, operations ...string) bool {
	return c.service == service && (len(operations) == 0 || slices.Contains(operations, c.operation))
}

// ofLedger reports whether a call is for the ledger's table.
func ofLedger(w *world, c call, body string) bool {
	return c.is("DynamoDB") && strings.Contains(body, `"`+w.Ledger+`"`)
}

func objectDeletes(_ *world, c call, _ string) bool { return c.is("S3", "DeleteObject") }

func rowDeletes(w *world, c call, body string) bool {
	return c.is("DynamoDB", "DeleteItem") && !ofLedger(w, c, body)
}

func toTopic(_ *world, c call, _ string) bool { return c.is("SNS") }

// troubles are tried with every function. Where deletes are denied, by a bucket policy or
// an SCP, that holds for unlock and for prune.
var troubles = []trouble{
	{"no delete of objects", denied, objectDeletes, deniedDeletes},
	{"no delete of rows", denied, rowDeletes, deniedDeletes},
	{"no delete at all", denied, func(w *world, c call, body string) bool { return objectDeletes(w, c, body) || rowDeletes(w, c, body) }, deniedDeletes},
	{"the ledger fails", broken, ofLedger, withoutLedger},
	{"the ledger is denied", denied, ofLedger, withoutLedger},
	{"the ledger hangs", silent, ofLedger, hangingLedger},
	{"the topic fails", broken, toTopic, nil},
	{"the topic hangs", silent, toTopic, nil},
}

// hangingLedger: a ledger that hangs takes the time of nothing else.
func hangingLedger(w *world, c contents, calls []seen) []string {
	made := func(service string, operations ...string) bool {
		return slices.ContainsFunc(calls, func(s seen) bool { return s.is(service, operations...) })
	}
	scanned := made("DynamoDB", "Scan") && (made("SNS") || made("CloudWatch") || made("DynamoDB", "UpdateItem"))
	return when(scanned && !made("CloudWatch", "PutMetricData"), "a ledger that hangs took the metrics").
		and(len(withoutLedger(w, c, calls)) > 0, "something was changed without a record")
}

// deniedDeletes: prune leaves at most one lock of its own, and no state loses its digest,
// not even for a moment: a crash could come then.
func deniedDeletes(w *world, c contents, calls []seen) []string {
	locked := map[string]bool{}
	for at := range w.ownLocks(c) {
		_, key, _ := strings.Cut(at, " ")
		locked[key] = true
	}
	l := when(len(locked) > 1, "locks of our own were left on several states")
	for _, call := range calls {
		l = l.and(call.is("DynamoDB", "DeleteItem") && strings.HasSuffix(call.target, "-md5"), "a digest was to go before it was known that a lock can: "+call.target)
	}
	for at, digest := range w.first.digests {
		_, key, _ := strings.Cut(at, " ")
		l = l.and(c.digests[at] != digest && !c.deleted[key], "a digest was removed where the state could not be: "+key)
	}
	return l
}

// withoutLedger: without a record nothing is released or deleted.
func withoutLedger(w *world, c contents, _ []seen) (l []string) {
	for at, raw := range w.first.locks {
		l = append(l, when(c.locks[at] != raw && !isOwn(raw), "a lock went, and there is no record of it: "+at)...)
	}
	for key := range c.deleted {
		l = append(l, when(!w.first.deleted[key], "a state was deleted, and there is no record of it: "+key)...)
	}
	return l
}
