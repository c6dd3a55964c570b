package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
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

// Locks under any number of names are no memory of who asks for the states that there are.
func TestHowAStateIsLockedIsReadForThatStateAlone(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	held := append(flood("a-team", 300, 0), holding{path: "b/production/k", id: "x", since: now, kinds: onlyTable})
	b.scan(t, now, nil, false, held...)
	b.scan(t, now.Add(5*time.Minute), nil, false, held...)
	b.scan(t, now.Add(10*time.Minute), nil, false)
	all, _, err := b.history.Locking(t.Context(), func(path tflock.Path) bool { return path == "b/production/k" })
	if err != nil || len(all) != 1 || len(all["b/production/k"]) != 1 || all["b/production/k"][0].Locking != policy.ByTable {
		t.Errorf("%+v, %v", all, err)
	}
}
