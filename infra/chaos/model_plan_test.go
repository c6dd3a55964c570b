package main

import (
	"math/bits"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// plan is what rapid draws: who takes part, and in which order their calls pass.
type plan struct {
	orphans []bool          // which keys a dead client has locked at first
	halves  bool            // where an orphan has a row, that is all it has
	paths   string          // what prunes look at
	gone    bool            // the state of the first key was pruned
	mode    policy.AutoMode // what automatic release does; empty: it is off
	actors  []drawn
	bursts  []burst
}

type drawn struct {
	kind    string
	key     string
	writes  int
	managed bool
	clock   time.Duration // how far a client's clock is ahead
	target  int           // of a release: the number of the client whose lock is named
	same    bool
}

// burst lets one of those go on that can, for a number of calls, of which the last may
// be its end. Most mistakes need few changes from one to another, at the right calls.
type burst struct {
	actor       int // 1: the first of the cast, and so on; 0: pick one of those that can go on
	pick, calls int
	writes      bool // only calls that change something count, and it stops just before the next one
	fate        fate
	later       time.Duration // so much time passes first: whoever runs in Lambda is dead then
}

// everybody is who may take part, but for "old": it and a client of today do not exclude each
// other, and what they do to each other is not ours. casts are those who meet on one key, since most
// mistakes need no more. nil is any of everybody, anywhere.
var (
	everybody = []string{"client", "client", "waiter", "mistaken", "lockless", "prune", "prune", "unlock", "unforced", "unforced", "restore", "monitor", "monitor", "copycat"}
	casts     = [][]string{
		nil, nil,
		{"prune", "lockless"},
		{"prune", "client", "client"},
		{"prune", "prune", "client"},
		{"unlock", "unlock", "client"},
		{"unforced", "waiter", "monitor"},
		{"unforced", "client", "client", "monitor"},
		{"unforced", "unforced", "mistaken", "monitor"},
		{"unlock", "prune", "client"},
		{"restore", "prune", "client"},
		{"restore", "lockless", "prune"},
		{"restore", "old", "restore"}, // a prune does not look again for its name: see docs/chaos.md
		{"client", "copycat", "unforced", "monitor"},
		{"accept", "client", "lockless"},
		{"accept", "client", "client", "accept"},
		{"delete digest", "prune", "client", "restore"},
		{"roll back", "client", "client"},
		{"roll back", "prune", "client"},
		{"roll back", "accept", "client", "lockless"},
		{"roll back", "old", "restore"},
		{"job", "cancel", "auto", "auto"},
		{"job", "cancel", "rerun", "auto", "auto"},
		{"job", "job", "cancel", "auto", "auto", "witness"},
		{"job", "cancel", "lockless", "auto", "auto", "keeper"},
		{"job", "cancel", "unlock", "client", "auto", "auto"},
		{"job", "cancel", "row alone", "auto", "auto", "tagger"},
		{"job", "cancel", "prune", "auto", "auto", "keep"},
	}
)

// even draws a number below n, each as likely as another: rapid's own ranges prefer small
// ones and the ends, and what must be hit here is in the middle of a run.
func even(t *rapid.T, n int) int {
	drawn := 0
	for range bits.Len(uint(n)) + 3 { //nolint:gosec // it is small and above zero
		drawn <<= 1
		if rapid.Bool().Draw(t, "bit") {
			drawn++
		}
	}
	return drawn % n
}

// clocks are how far a client's clock is ahead: less than it takes to be stuck in the end.
var clocks = []time.Duration{0, 0, -time.Hour, 20 * time.Minute}

var (
	drawPlan          = rapid.Custom(func(t *rapid.T) plan { return drawOf(t, casts) })
	drawAutomaticPlan = rapid.Custom(func(t *rapid.T) plan {
		return drawOf(t, slices.DeleteFunc(slices.Clone(casts), func(kinds []string) bool { return !slices.Contains(kinds, "auto") }))
	})
)

// drawOf draws a plan with one of these casts.
func drawOf(t *rapid.T, casts [][]string) plan {
	p := plan{paths: everything, orphans: make([]bool, len(modelKeys))}
	kinds := slices.Clone(casts[even(t, len(casts))])
	keys := modelKeys
	if kinds == nil {
		for range 2 + even(t, 4) {
			kinds = append(kinds, everybody[even(t, len(everybody))])
		}
		for i := range p.orphans {
			p.orphans[i] = even(t, 3) == 2
		}
	} else {
		for i := range kinds {
			j := i + even(t, len(kinds)-i)
			kinds[i], kinds[j] = kinds[j], kinds[i]
		}
		at := even(t, len(keys))
		if slices.Contains(kinds, "auto") {
			at %= 2 // the last key has no lock objects, so that nobody knows their runs
		}
		keys, p.paths = keys[at:at+1], keys[at]
		p.orphans[at] = slices.Contains(kinds, "unlock") || slices.Contains(kinds, "waiter")
	}
	p.halves = even(t, 2) == 1
	if slices.Contains(kinds, "auto") {
		p.mode = policy.AutoRelease
		if even(t, 8) == 7 {
			p.mode = policy.AutoReport
		}
	}
	for i, kind := range kinds {
		d := drawn{
			kind: kind, key: keys[even(t, len(keys))], writes: even(t, 3),
			managed: even(t, 2) == 1, target: even(t, max(1, i)), same: even(t, 2) == 1,
			clock: clocks[even(t, len(clocks))],
		}
		if kind == "copycat" && d.target < len(p.actors) && d.key == p.actors[d.target].key {
			d.key = modelKeys[(slices.Index(modelKeys, d.key)+1)%len(modelKeys)] // of one's own
		}
		if kind == "copycat" && slices.ContainsFunc(p.actors, func(o drawn) bool { return o.kind == kind && o.target == d.target && o.key == d.key }) {
			d.kind = "client" // two copies on one path are one lock to everybody, and a release of it would be one of both
		}
		if kind == "auto" {
			d.clock = map[bool]time.Duration{true: 2 * time.Minute}[even(t, 4) == 3]
		}
		if kind == "unforced" {
			d.target = even(t, len(kinds))
		}
		if kind == "cancel" || kind == "rerun" || kind == "keep" {
			d.target = slices.Index(kinds, "job")
		}
		if at := slices.Index(modelKeys, d.key); kind == "unlock" && p.orphans[at] && even(t, 4) > 0 {
			d.target = orphan + at
		}
		p.actors = append(p.actors, d)
	}
	p.bursts = drawBursts(t, p)
	return p
}

func drawBursts(t *rapid.T, p plan) []burst {
	var list []burst
	for range even(t, 13) {
		s := burst{pick: even(t, 6), calls: 1 + even(t, 24), writes: even(t, 2) == 1}
		switch chance := even(t, 24); {
		case chance < 2:
			s.fate = diesBefore
		case chance < 4:
			s.fate = diesAfter
		case chance < 6:
			s.later = 17 * time.Minute
		case chance < 7:
			s.later = 6 * time.Minute
		}
		if s.writes {
			s.calls = even(t, 8)
		}
		list = append(list, s)
	}
	if p.mode == "" {
		return list
	}
	return drawRelease(t, p, list)
}

// drawRelease puts what is drawn between the steps that lead to an automatic release, most
// of which are there: by chance alone hardly a play in a thousand gets that far.
func drawRelease(t *rapid.T, p plan, noise []burst) []burst {
	actor := map[string][]int{}
	for i, d := range p.actors {
		actor[d.kind] = append(actor[d.kind], i+1)
	}
	wait := []time.Duration{6 * time.Minute, 17 * time.Minute}
	steps := []burst{
		{actor: actor["job"][0], writes: true, calls: 1 + even(t, 4)},
		{actor: actor["cancel"][0], calls: 1},
		{later: wait[min(1, even(t, 4))]},
		{actor: actor["auto"][0], calls: 1000},
		{later: wait[even(t, 2)]},
		{actor: actor["auto"][1], calls: even(t, 64)},
	}
	if w := actor["witness"]; len(w) > 0 {
		steps = slices.Insert(steps, 1, burst{actor: w[0], calls: 1000})
	}
	var list []burst
	for i, s := range steps {
		if even(t, 16) > 0 {
			list = append(list, s)
		}
		if even(t, 3) == 0 && i < len(noise) {
			n := noise[i]
			n.actor = even(t, len(p.actors)+1)
			list = append(list, n)
		}
	}
	return list
}
