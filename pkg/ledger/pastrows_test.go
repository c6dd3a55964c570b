package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// flood is so many locks under one prefix, with names of that length.
func flood(prefix string, n, length int) []holding {
	all := make([]holding, n)
	for i := range all {
		path := fmt.Sprintf("b/%s/%05d", prefix, i)
		all[i] = holding{path: path + strings.Repeat("x", max(0, length-len(path))), id: "x", since: now, kinds: onlyTable, stuck: i%2 == 0}
	}
	return all
}

// sum is what the history has: rows of locks under each prefix, their bytes, and the locks without a row.
type sum struct {
	rows        map[string]int
	bytes       int
	more, stuck int
}

func (b *book) sum(t *testing.T) sum {
	t.Helper()
	s := sum{rows: map[string]int{}}
	for _, p := range b.past(t) {
		s.more, s.stuck = s.more+p.More, s.stuck+p.MoreStuck
		if p.More == 0 {
			s.rows[p.Path.Prefix()]++
			s.bytes += len(p.Path)
			if !p.StuckAt.IsZero() {
				s.stuck++
			}
		}
	}
	return s
}

// More locks of one prefix end in a scan than it can record: they take no place of others, and
// all are counted.
func TestMoreLocksThanOneScanRecordsAreCounted(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	held := append(flood("a-team", 1300, 0), flood("production", 40, 0)...) // a-team comes first
	b.scan(t, now, nil, false, held...)
	b.scan(t, now.Add(5*time.Minute), nil, false)
	got := b.sum(t)
	if got.rows["b/production"] != 40 || got.rows["b/a-team"] != 500 || got.more != 800 || got.stuck != 670 {
		t.Errorf("%+v", got)
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

// Locks under any number of names are no memory of who asks for the states that there are.
func TestHowAStateIsLockedIsReadForThatStateAlone(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	held := append(flood("a-team", 300, 0), holding{path: "b/production/k", id: "x", since: now, kinds: onlyTable})
	b.scan(t, now, nil, false, held...)
	b.scan(t, now.Add(5*time.Minute), nil, false, held...)
	b.scan(t, now.Add(10*time.Minute), nil, false)
	all, err := b.history.Locking(t.Context(), func(path tflock.Path) bool { return path == "b/production/k" })
	if err != nil || len(all) != 1 || len(all["b/production/k"]) != 1 || all["b/production/k"][0].Locking != ledger.LocksTable {
		t.Errorf("%+v, %v", all, err)
	}
}
