package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	table  = "arn:table"
	bucket = "arn:bucket"
)

var (
	now   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	rules = ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: 5 * time.Minute, Retention: 30 * 24 * time.Hour}
)

// denied are failures that do not pass by themselves.
func denied(stores ...string) map[string]scan.Failure {
	failures := map[string]scan.Failure{}
	for _, s := range stores {
		failures[s] = scan.Failure{Problem: s + ": denied"}
	}
	return failures
}

func ago(d time.Duration) time.Time { return now.Add(-d) }

func observed(verdict policy.Verdict, stores ...string) policy.Case {
	o := policy.Case{Lock: tflock.Lock{ID: "x", Path: "b/k"}, Judgement: policy.Judgement{Verdict: verdict}}
	if verdict == policy.Unreadable {
		o.ID = ""
	}
	for _, s := range stores {
		kind := map[string]tflock.Kind{table: tflock.DynamoDB, bucket: tflock.S3}[s]
		o.Holdings = append(o.Holdings, tflock.Holding{Kind: kind, Store: s, Path: "b/k"})
	}
	return o
}

// object is an unreadable lock object.
func object(etag string, written time.Time) policy.Case {
	o := observed(policy.Unreadable, bucket)
	o.Holdings[0].ETag, o.Holdings[0].Modified = etag, written
	return o
}

func entry(notified int, at time.Time, stores ...string) ledger.Entry {
	return ledger.Entry{
		FirstSeen: ago(10 * time.Hour), Kinds: []tflock.Kind{tflock.DynamoDB}, Stores: stores, Notified: notified, NotifiedAt: at,
		Description: &policy.Description{ID: "x", Path: "b/k", Verdict: policy.Stuck}, Expires: now.Add(29 * 24 * time.Hour),
	}
}

func TestCompare(t *testing.T) {
	key := ledger.Key{Path: "b/k", ID: "x"}
	odd := ledger.KeyOf(observed(policy.Unreadable, table).Lock)
	inBucket := entry(1, ago(time.Hour), bucket)
	inBucket.Kinds = []tflock.Kind{tflock.S3} // first seen ten hours ago
	for name, tc := range map[string]struct {
		memory   map[ledger.Key]ledger.Entry
		locks    []policy.Case
		failures map[string]scan.Failure
		watched  []string
		want     string // changes
	}{
		"a new fresh lock is noted":                       {nil, []policy.Case{observed(policy.Fresh, table)}, nil, nil, "[note]"},
		"a new stuck lock is notified":                    {nil, []policy.Case{observed(policy.Stuck, table)}, nil, nil, "[stuck]"},
		"a lock that became stuck is notified":            {map[ledger.Key]ledger.Entry{key: entry(0, time.Time{}, table)}, []policy.Case{observed(policy.Stuck, table)}, nil, nil, "[stuck]"},
		"a lock is notified once":                         {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, []policy.Case{observed(policy.Stuck, table)}, nil, nil, "[]"},
		"a reminder is due after RemindEvery":             {map[ledger.Key]ledger.Entry{key: entry(1, ago(4*time.Hour), table)}, []policy.Case{observed(policy.Stuck, table)}, nil, nil, "[reminder]"},
		"a lock that is fresh again is not reminded of":   {map[ledger.Key]ledger.Entry{key: entry(1, ago(9*time.Hour), table)}, []policy.Case{observed(policy.Fresh, table)}, nil, nil, "[]"},
		"a second holding is noted":                       {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, []policy.Case{observed(policy.Stuck, table, bucket)}, nil, nil, "[note]"},
		"a notified lock that is gone is resolved":        {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, nil, nil, nil, "[resolved]"},
		"a silent lock that is gone is forgotten":         {map[ledger.Key]ledger.Entry{key: entry(0, time.Time{}, table)}, nil, nil, nil, "[forget]"},
		"gone from a table that failed is not gone":       {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, nil, denied(table), nil, "[]"},
		"one of two backends failed: not gone":            {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table, bucket)}, nil, denied(bucket), nil, "[]"},
		"another backend's failure does not matter":       {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, nil, denied(bucket), nil, "[resolved]"},
		"a backend that is not watched any more":          {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), "arn:other")}, nil, nil, nil, "[forget]"},
		"gone from a prefix that was not read to its end": {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, nil, map[string]scan.Failure{table: {Crowded: []string{"b/k"}}}, nil, "[]"},
		"gone while another prefix was not read":          {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, nil, map[string]scan.Failure{table: {Crowded: []string{"b/other/"}}}, nil, "[resolved]"},
		"a half where nobody looks any more may be held":  {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table, "arn:other")}, nil, nil, nil, "[forget]"},
		"another lock on the path: one gone, one new":     {map[ledger.Key]ledger.Entry{{Path: "b/k", ID: "old"}: entry(1, ago(time.Hour), table)}, []policy.Case{observed(policy.Fresh, table)}, nil, nil, "[note resolved]"},
		"a foreign row in place of a lock: it is gone":    {map[ledger.Key]ledger.Entry{key: entry(1, ago(time.Hour), table)}, []policy.Case{observed(policy.Unreadable, table)}, nil, nil, "[unreadable resolved]"},
		"an object that became unreadable: not gone":      {map[ledger.Key]ledger.Entry{key: inBucket}, []policy.Case{object(`"e"`, ago(11*time.Hour))}, nil, nil, "[unreadable]"},
		"an unreadable object in place of a lock: gone":   {map[ledger.Key]ledger.Entry{key: inBucket}, []policy.Case{object(`"e"`, ago(time.Hour))}, nil, nil, "[unreadable resolved]"},
		"an unreadable row is notified":                   {nil, []policy.Case{observed(policy.Unreadable, table)}, nil, nil, "[unreadable]"},
		"an unreadable row is reported once":              {map[ledger.Key]ledger.Entry{odd: entry(1, ago(9*time.Hour), table)}, []policy.Case{observed(policy.Unreadable, table)}, nil, nil, "[]"},
		"a memory that would end while seen is renewed":   {map[ledger.Key]ledger.Entry{key: {Notified: 1, NotifiedAt: now, Kinds: []tflock.Kind{tflock.DynamoDB}, Stores: []string{table}, Expires: now.Add(24 * time.Hour)}}, []policy.Case{observed(policy.Stuck, table)}, nil, nil, "[note]"},
	} {
		t.Run(name, func(t *testing.T) {
			watched := tc.watched
			if watched == nil {
				watched = []string{table, bucket}
			}
			found := &scan.Scan{Started: now, Ended: now, Watched: watched, Failures: tc.failures, Worst: tc.locks}
			var got []ledger.Change
			for s := range ledger.Compare(ledger.Memory{Locks: tc.memory}, found, rules) {
				got = append(got, s.Change)
			}
			if fmt.Sprint(got) != tc.want {
				t.Errorf("got %v, want %s", got, tc.want)
			}
		})
	}
}

func TestSightingForgetsHalvesThatCouldNotBeRead(t *testing.T) {
	o := observed(policy.Stuck, table)
	e := entry(1, now, table, bucket)
	e.Kinds = []tflock.Kind{tflock.DynamoDB, tflock.S3}
	m := ledger.Memory{Locks: map[ledger.Key]ledger.Entry{ledger.KeyOf(o.Lock): e}}
	if s := m.Sighting(o.Lock, func(string) string { return "" }); len(o.Lost(s.Kinds)) != 1 {
		t.Error("a lost half must be named")
	}
	if s := m.Sighting(o.Lock, func(store string) string { return map[string]string{bucket: bucket + " could not be read"}[store] }); len(o.Lost(s.Kinds)) != 0 {
		t.Error("a half in a bucket that could not be read is not lost")
	}
}

// Over any life of a lock, with publishing that fails at will: notified as stuck before
// anything else, resolved exactly once when the notice got out, and never while the
// lock or a failing store is there.
func TestNotificationsComeInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := ledger.Memory{Locks: map[ledger.Key]ledger.Entry{}}
		at, notified := now, false
		for range rapid.IntRange(1, 40).Draw(t, "scans") {
			at = at.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes")) * time.Minute)
			found := &scan.Scan{Started: at, Ended: at, Watched: []string{table}, Failures: map[string]scan.Failure{}}
			var locks []policy.Case
			present := rapid.Bool().Draw(t, "present")
			if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
				found.Failures, present = denied(table), false
			}
			if present {
				locks = append(locks, observed(rapid.SampledFrom([]policy.Verdict{policy.Fresh, policy.Stuck}).Draw(t, "verdict"), table))
			}
			found.Worst = locks
			for s := range ledger.Compare(m, found, rules) {
				if rapid.IntRange(0, 2).Draw(t, "publishing fails") == 0 {
					s = s.Unnotified()
				}
				notified = inOrder(t, s.Change, notified, present, len(found.Failures) > 0)
				if s.Change == ledger.Resolved || s.Change == ledger.Forget {
					delete(m.Locks, s.Key)
				} else {
					m.Locks[s.Key] = s.Entry
				}
			}
		}
	})
}

// inOrder fails on a step that may not come now, and reports whether people know of the lock after it.
func inOrder(t *rapid.T, change ledger.Change, notified, present, failing bool) bool {
	t.Helper()
	switch change {
	case ledger.Stuck:
		if notified || !present {
			t.Fatal("notified as stuck again")
		}
		return true
	case ledger.Reminder:
		if !notified || !present {
			t.Fatal("a reminder of what was never notified")
		}
	case ledger.Resolved:
		if !notified || present || failing {
			t.Fatal("a false notice")
		}
		return false
	case ledger.Forget:
		if notified {
			t.Fatal("a notified lock was forgotten")
		}
	}
	return notified
}

func TestAResolvedLockNamesTheOneThatIsThereNow(t *testing.T) {
	m := ledger.Memory{Locks: map[ledger.Key]ledger.Entry{{Path: "b/k", ID: "old"}: entry(1, ago(time.Hour), table), {Path: "b/free", ID: "old"}: entry(1, ago(time.Hour), table)}}
	found := &scan.Scan{Started: now, Ended: now, Watched: []string{table}, Worst: []policy.Case{observed(policy.Fresh, table)}}
	var got []string
	for s := range ledger.Compare(m, found, rules) {
		if s.Change == ledger.Resolved {
			now := "nobody"
			if s.Current != nil {
				now = s.Current.ID
			}
			got = append(got, string(s.Key.Path)+" "+now)
		}
	}
	if fmt.Sprint(got) != "[b/free nobody b/k x]" {
		t.Error(got)
	}
}
