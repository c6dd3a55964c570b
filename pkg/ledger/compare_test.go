package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	table  = "arn:table"
	bucket = "arn:bucket"
)

var (
	now   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	rules = ledger.Rules{RemindEvery: 4 * time.Hour, Keep: 30 * 24 * time.Hour}
)

func ago(d time.Duration) time.Time { return now.Add(-d) }

func observed(verdict policy.Verdict, stores ...string) ledger.Observed {
	o := ledger.Observed{Lock: tflock.Lock{ID: "x", Path: "b/k"}, Verdict: verdict}
	if verdict == policy.Unreadable {
		o.Lock.ID = ""
	}
	o.Finding = func() policy.Finding { return policy.Finding{ID: o.Lock.ID, Path: "b/k", Verdict: verdict} }
	for _, s := range stores {
		kind := map[string]tflock.Kind{table: tflock.DynamoDB, bucket: tflock.S3}[s]
		o.Lock.Holdings = append(o.Lock.Holdings, tflock.Holding{Kind: kind, Store: s, Path: "b/k"})
	}
	return o
}

func entry(told int, toldAt time.Time, stores ...string) ledger.Entry {
	return ledger.Entry{
		FirstSeen: ago(10 * time.Hour), Kinds: []tflock.Kind{tflock.DynamoDB}, Stores: stores, Told: told, ToldAt: toldAt,
		Finding: &policy.Finding{ID: "x", Path: "b/k", Verdict: policy.Stuck}, Expires: now.Add(29 * 24 * time.Hour),
	}
}

func TestCompare(t *testing.T) {
	key := ledger.Key{Path: "b/k", ID: "x"}
	odd := ledger.KeyOf(observed(policy.Unreadable, table).Lock)
	for name, tc := range map[string]struct {
		memory   map[ledger.Key]ledger.Entry
		locks    []ledger.Observed
		failures map[string]string
		watched  []string
		want     string // changes
	}{
		"a new fresh lock is noted":                     {nil, []ledger.Observed{observed(policy.Fresh, table)}, nil, nil, "[note]"},
		"a new stuck lock is told":                      {nil, []ledger.Observed{observed(policy.Stuck, table)}, nil, nil, "[stuck]"},
		"a lock that grew stuck is told":                {map[ledger.Key]ledger.Entry{key: entry(0, time.Time{}, table)}, []ledger.Observed{observed(policy.Stuck, table)}, nil, nil, "[stuck]"},
		"a lock that was told is not told again":        {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, []ledger.Observed{observed(policy.Stuck, table)}, nil, nil, "[]"},
		"a reminder is due after RemindEvery":           {map[ledger.Key]ledger.Entry{key: entry(1, ago(4*time.Hour), table)}, []ledger.Observed{observed(policy.Stuck, table)}, nil, nil, "[reminder]"},
		"a lock that is fresh again is not reminded of": {map[ledger.Key]ledger.Entry{key: entry(1, ago(9*time.Hour), table)}, []ledger.Observed{observed(policy.Fresh, table)}, nil, nil, "[]"},
		"a second holding is noted":                     {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, []ledger.Observed{observed(policy.Stuck, table, bucket)}, nil, nil, "[note]"},
		"a told lock that is gone is resolved":          {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, nil, nil, nil, "[resolved]"},
		"an untold lock that is gone is forgotten":      {map[ledger.Key]ledger.Entry{key: entry(0, time.Time{}, table)}, nil, nil, nil, "[forget]"},
		"gone from a table that failed is not gone":     {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, nil, map[string]string{table: "denied"}, nil, "[]"},
		"one of two backends failed: not gone":          {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table, bucket)}, nil, map[string]string{bucket: "denied"}, nil, "[]"},
		"another backend's failure does not matter":     {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, nil, map[string]string{bucket: "denied"}, nil, "[resolved]"},
		"a backend that is not watched any more":        {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), "arn:other")}, nil, nil, nil, "[forget]"},
		"another lock on the path: one gone, one new":   {map[ledger.Key]ledger.Entry{{Path: "b/k", ID: "old"}: entry(1, ago(time.Hour), table)}, []ledger.Observed{observed(policy.Fresh, table)}, nil, nil, "[note resolved]"},
		"a lock that became unreadable is not resolved": {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, []ledger.Observed{observed(policy.Unreadable, table)}, nil, nil, "[unreadable]"},
		"an unreadable row is told":                     {nil, []ledger.Observed{observed(policy.Unreadable, table)}, nil, nil, "[unreadable]"},
		"an unreadable row is told once, for all time":  {map[ledger.Key]ledger.Entry{odd: entry(1, ago(9*time.Hour), table)}, []ledger.Observed{observed(policy.Unreadable, table)}, nil, nil, "[]"},
		"a memory that would end while seen is renewed": {map[ledger.Key]ledger.Entry{key: {Told: 1, ToldAt: now, Kinds: []tflock.Kind{tflock.DynamoDB}, Stores: []string{table}, Expires: now.Add(24 * time.Hour)}}, []ledger.Observed{observed(policy.Stuck, table)}, nil, nil, "[note]"},
	} {
		t.Run(name, func(t *testing.T) {
			watched := tc.watched
			if watched == nil {
				watched = []string{table, bucket}
			}
			scan := ledger.Scan{Started: now, Ended: now, Watched: watched, Failures: tc.failures, Locks: slices.Values(tc.locks)}
			var got []ledger.Change
			for s := range ledger.Compare(ledger.Memory{Locks: tc.memory}, scan, rules) {
				got = append(got, s.Change)
			}
			if fmt.Sprint(got) != tc.want {
				t.Errorf("got %v, want %s", got, tc.want)
			}
		})
	}
}

func TestCompareStores(t *testing.T) {
	failing := ledger.Store{Failing: ago(time.Hour), Told: 1, ToldAt: ago(time.Hour)}
	for name, tc := range map[string]struct {
		before ledger.Store
		failed bool
		want   string
		read   bool // recorded as read
	}{
		"one that is read is recorded":      {ledger.Store{}, false, "[]", true},
		"one that fails is told at once":    {ledger.Store{LastRead: ago(time.Hour)}, true, "[failed]", false},
		"one that still fails is not":       {failing, true, "[]", false},
		"one that fails on is told again":   {ledger.Store{Failing: ago(5 * time.Hour), Told: 1, ToldAt: ago(4 * time.Hour)}, true, "[failed]", false},
		"a failure that was not told yet":   {ledger.Store{Failing: ago(time.Hour)}, true, "[failed]", false},
		"one that can be read again":        {failing, false, "[recovered]", true},
		"nobody knew that it failed: quiet": {ledger.Store{Failing: ago(time.Hour)}, false, "[]", true},
	} {
		t.Run(name, func(t *testing.T) {
			scan := ledger.Scan{Started: ago(time.Second), Ended: now, Watched: []string{table}, Failures: map[string]string{}}
			if tc.failed {
				scan.Failures[table] = "denied"
			}
			steps, next := ledger.CompareStores(ledger.Memory{Stores: map[string]ledger.Store{table: tc.before}}, scan, rules)
			got := []ledger.Change{}
			for _, s := range steps {
				got = append(got, s.Change)
			}
			if fmt.Sprint(got) != tc.want || next[table].LastRead.Equal(scan.Started) != tc.read {
				t.Errorf("got %v, %+v", got, next)
			}
			if tc.failed && next[table].LastRead != tc.before.LastRead {
				t.Error("a failed reading bounds no age")
			}
		})
	}
}

func TestSightingForgetsHalvesThatCouldNotBeRead(t *testing.T) {
	o := observed(policy.Stuck, table)
	e := entry(1, now, table, bucket)
	e.Kinds = []tflock.Kind{tflock.DynamoDB, tflock.S3}
	m := ledger.Memory{Locks: map[ledger.Key]ledger.Entry{ledger.KeyOf(o.Lock): e}}
	if s := m.Sighting(o.Lock, func(string) bool { return false }); len(o.Lock.Lost(s.Kinds)) != 1 {
		t.Error("a lost half must be named")
	}
	if s := m.Sighting(o.Lock, func(store string) bool { return store == bucket }); len(o.Lock.Lost(s.Kinds)) != 0 {
		t.Error("a half in a bucket that could not be read is not lost")
	}
}

// Over any life of a lock, with publishing that fails at will: told as stuck before
// anything else, resolved exactly once when the notice got out, and never while the
// lock or a failing store is there.
func TestALockIsToldOfInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := ledger.Memory{Locks: map[ledger.Key]ledger.Entry{}}
		at, told := now, false
		for range rapid.IntRange(1, 40).Draw(t, "scans") {
			at = at.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes")) * time.Minute)
			scan := ledger.Scan{Started: at, Ended: at, Watched: []string{table}, Failures: map[string]string{}}
			var locks []ledger.Observed
			present := rapid.Bool().Draw(t, "present")
			if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
				scan.Failures[table], present = "denied", false
			}
			if present {
				locks = append(locks, observed(rapid.SampledFrom([]policy.Verdict{policy.Fresh, policy.Stuck}).Draw(t, "verdict"), table))
			}
			scan.Locks = slices.Values(locks)
			for s := range ledger.Compare(m, scan, rules) {
				if rapid.IntRange(0, 2).Draw(t, "publishing fails") == 0 {
					s = s.Untold()
				}
				switch s.Change {
				case ledger.Stuck:
					if told || !present {
						t.Fatal("told as stuck again")
					}
					told = true
				case ledger.Reminder:
					if !told || !present {
						t.Fatal("a reminder of what was not told")
					}
				case ledger.Resolved:
					if !told || present || len(scan.Failures) > 0 {
						t.Fatal("a false notice")
					}
					told = false
				case ledger.Forget:
					if told {
						t.Fatal("a told lock was forgotten")
					}
				}
				if s.Change == ledger.Resolved || s.Change == ledger.Forget {
					delete(m.Locks, s.Key)
				} else {
					m.Locks[s.Key] = s.Entry
				}
			}
		}
	})
}
