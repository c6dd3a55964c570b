package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// life is a ledger over many scans.
type life struct {
	memory ledger.Memory
	rules  ledger.Rules
}

func newLife(every time.Duration) *life {
	rules := rules
	rules.ScanEvery = every
	return &life{ledger.Memory{Locks: map[ledger.Key]ledger.Entry{}, Stores: map[string]ledger.Store{}}, rules}
}

// scan returns the changes that people are notified of, as "change path".
func (l *life) scan(at time.Time, failures map[string]scan.Failure, locks ...policy.Case) string {
	found := &scan.Scan{Started: at, Ended: at, Watched: []string{table, bucket}, Failures: failures, Worst: locks}
	var heard []string
	messages := ledger.Messages{}
	_, next := ledger.CompareStores(l.memory, found, l.rules)
	for s := range ledger.Compare(l.memory, found, l.rules) {
		switch s.Change {
		case ledger.Resolved, ledger.Forget:
			delete(l.memory.Locks, s.Key)
		default:
			l.memory.Locks[s.Key] = s.Entry
		}
		message := ledger.Message{}
		message.Add(s.Change, s.Store(), s.Key.Path, l.memory.Stores)
		messages.Add(message)
		if s.Change != ledger.Note && s.Change != ledger.Forget {
			heard = append(heard, s.Change.String()+" "+string(s.Key.Path))
		}
	}
	for key, e := range l.memory.Locks { // DynamoDB deletes what has expired
		if e.Expires.Before(at) {
			delete(l.memory.Locks, key)
		}
	}
	messages.Count(next, at, l.rules)
	l.memory.Stores = next
	return strings.Join(heard, ", ")
}

func TestALockHeldThroughWeeksOfAFailingStoreIsNotNew(t *testing.T) {
	l := newLife(time.Hour)
	l.scan(now, nil, observed(policy.Stuck, table))
	at := now
	for range 40 * 24 {
		at = at.Add(time.Hour)
		if heard := l.scan(at, denied(table)); heard != "" {
			t.Fatalf("after %s: %s", at.Sub(now), heard)
		}
	}
	if heard := l.scan(at.Add(time.Hour), nil, observed(policy.Stuck, table)); heard != "reminder b/k" {
		t.Errorf("after 40 days: %q", heard)
	}
	if heard := l.scan(at.Add(2*time.Hour), nil); heard != "resolved b/k" {
		t.Errorf("gone: %q", heard)
	}
}

func foreign(path string) policy.Case {
	l := tflock.Lock{Path: tflock.Path(path), Holdings: []tflock.Holding{{Kind: tflock.DynamoDB, Store: table, Path: tflock.Path(path)}}}
	return policy.Case{Lock: l, Judgement: policy.Judgement{Verdict: policy.Unreadable}}
}

func TestUnreadableHoldingsOfAStore(t *testing.T) {
	l := newLife(5 * time.Minute)
	steps := []struct {
		at    time.Duration
		locks []policy.Case
		want  string
	}{
		{0, nil, ""},
		{5 * time.Minute, []policy.Case{foreign("b/1"), foreign("b/2")}, "unreadable b/1, unreadable b/2"},
		{10 * time.Minute, []policy.Case{foreign("b/1"), foreign("b/3")}, ""},                                                               // later ones wait for a day
		{time.Hour, []policy.Case{foreign("b/1"), foreign("b/4"), foreign("b/5"), object(`"e"`, now)}, "unreadable b/k"},                    // another store's first
		{24 * time.Hour, []policy.Case{foreign("b/1"), foreign("b/4"), object(`"f"`, now)}, ""},                                             // not a day yet
		{24*time.Hour + 5*time.Minute, []policy.Case{foreign("b/1"), foreign("b/2"), foreign("b/4"), object(`"f"`, now)}, "unreadable b/4"}, // still there; b/2 came back
		{25 * time.Hour, []policy.Case{foreign("b/6"), object(`"f"`, now)}, "unreadable b/k"},
		{49 * time.Hour, []policy.Case{object(`"f"`, now)}, ""},
	}
	for _, s := range steps {
		if got := l.scan(now.Add(s.at), nil, s.locks...); got != s.want {
			t.Errorf("after %s: %q, want %q", s.at, got, s.want)
		}
	}
}

// Whoever fills a prefix with new unreadable entries each day does not fill the memory,
// which every scan reads as a whole.
func TestUnreadableHoldingsOfEveryDayDoNotFillTheMemory(t *testing.T) {
	l := newLife(time.Hour)
	for day := range 20 {
		at := now.Add(time.Duration(day) * 24 * time.Hour)
		locks := make([]policy.Case, 400)
		for i := range locks {
			locks[i] = foreign(fmt.Sprintf("b/team-a/%d/%d", day, i))
		}
		if heard := l.scan(at, nil, locks...); heard == "" {
			t.Fatalf("day %d: nobody was notified", day)
		}
		l.scan(at.Add(time.Hour), nil)
		if n := len(l.memory.Locks); n > 1000 {
			t.Fatalf("day %d: %d entries of what is gone", day, n)
		}
	}
}

func TestIdentityOfWhatCannotBeRead(t *testing.T) {
	first, second := object(`"e"`, ago(time.Hour)), object(`"f"`, ago(time.Minute))
	if ledger.KeyOf(first.Lock) == ledger.KeyOf(second.Lock) {
		t.Error("another object on the path is another one")
	}
	archived := object(`"e"`, ago(time.Hour))
	if ledger.KeyOf(first.Lock) != ledger.KeyOf(archived.Lock) {
		t.Error("the same object is the same one")
	}
	unnamed, later := object("", ago(time.Hour)), object("", ago(time.Minute))
	if ledger.KeyOf(unnamed.Lock) == ledger.KeyOf(later.Lock) {
		t.Error("without an ETag its time tells one object from another")
	}
	row, changed := foreign("b/1"), foreign("b/1")
	changed.Lock.Holdings[0].Raw = "something else"
	if ledger.KeyOf(row.Lock) != ledger.KeyOf(changed.Lock) {
		t.Error("a row that changes every minute is one row")
	}
}

func TestWhatFailingStoresHeldStillCounts(t *testing.T) {
	locks := map[ledger.Key]ledger.Entry{}
	add := func(path, id string, stuck bool, age time.Duration, stores ...string) {
		locks[ledger.Key{Path: tflock.Path(path), ID: id}] = ledger.Entry{Stores: stores, HeldSince: ago(age), Stuck: stuck}
	}
	add("b/1", "x", true, time.Hour, table)
	add("b/2", "x", false, time.Minute, table)
	add("b/3", "x", true, 5*time.Hour, bucket)
	add("b/4", "x", true, 3*time.Hour, table, bucket)
	add("b/5", "x", true, 9*time.Hour, table) // seen before the table failed
	odd := ledger.KeyOf(foreign("b/6").Lock)
	locks[odd] = ledger.Entry{Stores: []string{table}}
	left := ledger.KeyOf(foreign("b/7").Lock)
	locks[left] = ledger.Entry{Stores: []string{table}, Absent: true}
	m := ledger.Memory{Locks: locks}
	for name, tc := range map[string]struct {
		failures map[string]scan.Failure
		want     string
	}{
		"all was read":     {nil, "{0 0 0 0s}"},
		"the table failed": {denied(table), "{3 2 1 3h0m0s}"},
		"both failed":      {denied(table, bucket), "{4 3 1 5h0m0s}"},
	} {
		found := scan.Of(tflock.Holding{Kind: tflock.DynamoDB, Store: table, Path: "b/5", Info: tflock.Info{ID: "x"}})
		found.Ended, found.Watched, found.Failures = now, []string{table, bucket}, tc.failures
		got := m.Carried(found)
		if fmt.Sprint(got) != tc.want {
			t.Errorf("%s: %v, want %s", name, got, tc.want)
		}
	}
}

func TestLongIDs(t *testing.T) {
	a, b := observed(policy.Stuck, table).Lock, observed(policy.Stuck, table).Lock
	a.ID, b.ID = strings.Repeat("x", 400<<10), strings.Repeat("x", 400<<10-1)+"y"
	if ledger.KeyOf(a) == ledger.KeyOf(b) || len(ledger.KeyOf(a).ID) > 100 {
		t.Errorf("%v, %v", ledger.KeyOf(a), ledger.KeyOf(b))
	}
	odd := foreign("b/k").Lock
	posing := observed(policy.Stuck, table).Lock
	posing.ID = ledger.KeyOf(odd).ID
	if ledger.KeyOf(posing) == ledger.KeyOf(odd) {
		t.Error("a lock's ID must not pose as what cannot be read")
	}
}
