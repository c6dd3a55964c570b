package main

import (
	"slices"

	"pgregory.net/rapid"
)

// plan is what rapid draws: who takes part, and in which order their calls pass.
type plan struct {
	orphans []bool // which keys a dead client has locked at first
	paths   string // what prunes look at
	actors  []drawn
	bursts  []burst
}

type drawn struct {
	kind    string
	key     string
	writes  int
	managed bool
	target  int // of an unlock: the number of the client whose lock is named
	same    bool
}

// burst lets one of those go on that can, for a number of calls, of which the last may
// be its end. Most mistakes need few changes from one to another, at the right calls.
type burst struct {
	pick, calls int
	fate        fate
	late        bool // a quarter of an hour passes first: whoever runs in Lambda is dead then
}

// orphan is the number of the dead client that has a key of that index.
const orphan = 90

// everybody is who may take part; casts are those who meet on one key, since most
// mistakes need no more. nil is any of everybody, anywhere.
var (
	everybody = []string{"client", "client", "client", "lockless", "prune", "prune", "unlock", "unlock", "restore", "monitor"}
	casts     = [][]string{
		nil, nil,
		{"prune", "lockless"},
		{"prune", "client", "client"},
		{"prune", "prune", "client"},
		{"unlock", "unlock", "client"},
		{"unlock", "prune", "client"},
		{"restore", "prune", "client"},
		{"restore", "lockless", "prune"},
	}
)

var drawPlan = rapid.Custom(func(t *rapid.T) plan {
	p := plan{paths: everything, orphans: make([]bool, len(modelKeys))}
	kinds := rapid.SampledFrom(casts).Draw(t, "cast")
	keys := modelKeys
	if kinds == nil {
		kinds = rapid.SliceOfN(rapid.SampledFrom(everybody), 2, 5).Draw(t, "kinds")
		for i := range p.orphans {
			p.orphans[i] = rapid.IntRange(0, 2).Draw(t, "orphan") == 2
		}
	} else {
		kinds = rapid.Permutation(kinds).Draw(t, "order")
		at := rapid.IntRange(0, len(keys)-1).Draw(t, "key")
		keys, p.paths = keys[at:at+1], keys[at]
		p.orphans[at] = slices.Contains(kinds, "unlock")
	}
	for i, kind := range kinds {
		d := drawn{
			kind: kind, key: rapid.SampledFrom(keys).Draw(t, "key"), writes: rapid.IntRange(0, 2).Draw(t, "writes"),
			managed: rapid.Bool().Draw(t, "managed"), target: rapid.IntRange(0, max(0, i-1)).Draw(t, "target"), same: rapid.Bool().Draw(t, "same"),
		}
		if at := slices.Index(modelKeys, d.key); p.orphans[at] && rapid.IntRange(0, 3).Draw(t, "names an orphan") > 0 {
			d.target = orphan + at
		}
		p.actors = append(p.actors, d)
	}
	for range rapid.IntRange(0, 12).Draw(t, "bursts") {
		s := burst{pick: rapid.IntRange(0, 5).Draw(t, "pick"), calls: rapid.IntRange(1, 30).Draw(t, "calls")}
		switch rapid.IntRange(0, 9).Draw(t, "fate") {
		case 9:
			s.fate = diesBefore
		case 8:
			s.fate = diesAfter
		case 7:
			s.late = true
		}
		p.bursts = append(p.bursts, s)
	}
	return p
})
