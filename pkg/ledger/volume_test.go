//go:build !race

// What takes its time by volume is here: the race detector takes ten times as long, and finds
// nothing more in it. `make test` runs it without.

package ledger_test

import (
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/scan"
)

// Locks under one prefix that are gone, or that a scan cannot read, take neither the memory of a
// scan nor the place of others: what is too much is forgotten.
func TestLocksThatAScanDoesNotSeeTakeLittleMemory(t *testing.T) {
	t.Parallel()
	for name, failures := range map[string]map[string]scan.Failure{
		"they are gone":          nil,
		"they may be held still": {table: {Problem: "x", Crowded: []string{"b/a-team/"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			const many, few = 6000, 30
			b.scan(t, now, nil, false, append(flood("a-team", many, 1900), flood("production", few, 0)...)...)
			at := now.Add(5 * time.Minute)
			lease, err := b.notifications.Begin(t.Context(), "test", &scan.Scan{Started: at, Ended: at, Watched: []string{table, bucket}, Failures: failures}, at)
			if err != nil {
				t.Fatal(err)
			}
			under := map[string]int{}
			for key := range lease.Memory.Locks {
				under[key.Path.Prefix()]++
			}
			if under["b/production"] != few || under["b/a-team"] < 500 || under["b/a-team"] > 3000 {
				t.Errorf("remembered: %v", under)
			}
			if err := lease.Forget(t.Context()); err != nil {
				t.Fatal(err)
			}
			rows := 0
			for current, err := range b.notifications.Current(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if current.Path.Prefix() == "b/production" {
					rows++
				}
			}
			if left := b.world.Tables["ledger"].Len(); rows != few || left != few+under["b/a-team"]+1 {
				t.Errorf("%d rows are left, %d of production", left, rows)
			}
		})
	}
}

// Who asks for the whole memory, as the dashboard's page does, gets what a small function can hold.
func TestTheWholeMemoryIsBounded(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	b.scan(t, now, nil, false, append(flood("a-team", 11_000, 1900), flood("production", 30, 0)...)...)
	memory, err := b.notifications.Recall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bytes, production := 0, 0
	for key := range memory.Locks {
		bytes += len(key.Path)
		if key.Path.Prefix() == "b/production" {
			production++
		}
	}
	if bytes > 24<<20 || bytes < 10<<20 || production != 30 {
		t.Errorf("%d MB of paths, %d of production", bytes>>20, production)
	}
}

// Whoever takes and drops locks all day fills neither the history nor the day of others.
func TestADayOfEndedLocksIsBounded(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	at := time.Date(2026, 3, 9, 6, 0, 0, 0, time.UTC)
	const rounds, each, long = 6, 500, 1900
	day := func() {
		for range rounds {
			b.scan(t, at, nil, false, flood("a-team", each, long)...)
			at = at.Add(5 * time.Minute)
			b.scan(t, at, nil, false)
			at = at.Add(5 * time.Minute)
		}
		b.scan(t, at, nil, false, flood("production", 30, 0)...)
		b.scan(t, at.Add(5*time.Minute), nil, false)
	}
	day()
	first := b.sum(t)
	if first.rows["b/production"] != 30 || first.bytes > 4<<20 || first.bytes < 3<<20 || first.rows["b/a-team"]+first.more != rounds*each {
		t.Errorf("%v rows, %d bytes, %d more", first.rows, first.bytes, first.more)
	}
	at = at.Truncate(24 * time.Hour).Add(30 * time.Hour)
	day()
	second := b.sum(t)
	if second.rows["b/production"] != 60 || second.rows["b/a-team"] != 2*first.rows["b/a-team"] {
		t.Errorf("the next day: %v rows", second.rows)
	}
}
