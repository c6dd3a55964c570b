package report_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/report"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// flood is a history of many ended locks, each on another state and of another client, among a
// few of production's. It measures the memory in use when all were read.
type flood struct {
	junk int
	heap uint64
}

func (f *flood) Past(context.Context) iter.Seq2[ledger.Past, error] {
	at := func(hours int) time.Time { return monday.Add(-time.Duration(hours) * time.Hour) }
	stuck := func(path, id, who string) ledger.Past {
		return ledger.Past{
			Path: tflock.Path(path), ID: id, Who: who, FirstSeen: at(30), HeldSince: at(30), StuckAt: at(26), Ended: at(20), LastSeen: at(20), ETag: id,
			Kinds: []tflock.Kind{tflock.S3}, Settled: true, Resolved: true,
		}
	}
	return func(yield func(ledger.Past, error) bool) {
		for i := range f.junk {
			if i < 3 || i >= f.junk-3 {
				yield(stuck("states/production/terraform.tfstate", fmt.Sprint("p", i), "ana@laptop"), nil)
			}
			id := fmt.Sprintf("%d-%s", i, strings.Repeat("i", 1000))
			if !yield(stuck("states/junk/"+id+strings.Repeat("x", 800), id, "who-"+id[:500]), nil) {
				return
			}
		}
		var now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&now)
		f.heap = now.HeapAlloc
	}
}

// ana took the locks of production, and removed each herself.
type ana struct{}

func (ana) Find(_ context.Context, objects ...ledger.Object) (map[ledger.Object]ledger.Witnessed, error) {
	found := map[ledger.Object]ledger.Witnessed{}
	for _, o := range objects {
		if strings.HasPrefix(string(o.Path), "states/production/") {
			found[o] = ledger.Witnessed{ObjectEvent: ledger.ObjectEvent{Actor: ledger.Actor{Principal: "AWS:AROAX:ana@example.com", Session: "ana@example.com"}}}
		}
	}
	return found, nil
}

func (ana) Removal(context.Context, ledger.Witnessed) (policy.Removal, bool, error) {
	return policy.Removal{Principal: "AWS:AROAX:ana@example.com", Session: "ana@example.com", RemovedAt: monday.Add(-20 * time.Hour)}, true, nil
}

// A flood of junk takes no more memory than a small function has, changes no count, and takes
// from no other prefix who removed its locks. The report says that it could not count
// everything.
func TestAFloodOfEndedLocks(t *testing.T) {
	w := alone(t)
	w.scan(pass{at: monday.AddDate(0, 0, -8)})
	w.scan(pass{at: monday})
	w.now = monday.Add(time.Hour)
	for name, tc := range map[string]struct {
		junk int
		many bool
	}{"a busy week": {200, false}, "a flood": {110_000, true}} {
		t.Run(name, func(t *testing.T) {
			history := &flood{junk: tc.junk}
			reporter := w.reporter()
			reporter.History, reporter.Witnesses = history, ana{}
			week, err := reporter.Run(t.Context(), report.Request{}, name)
			w.check(err)
			if history.heap > 32<<20 {
				t.Errorf("%d MB are in use", history.heap>>20)
			}
			if want := (alert.PathCount{Path: "states/production/terraform.tfstate", Count: 6}); len(week.MostStuck.Paths) != 5 || week.MostStuck.Paths[0] != want {
				t.Errorf("%+v", week.MostStuck.Paths)
			}
			if want := (alert.WhoCount{Who: "ana@laptop", Count: 6}); len(week.MostStuck.People) != 5 || week.MostStuck.People[0] != want {
				t.Errorf("%+v", week.MostStuck.People)
			}
			if *week.Locks.Stuck != tc.junk+6 || week.TooMany != tc.many || (week.Locking == nil) != tc.many {
				t.Errorf("%d stuck, too many: %v, %+v", *week.Locks.Stuck, week.TooMany, week.Locking)
			}
			if holder := (alert.Releaser{Who: "holder", How: alert.ByHolder, Count: 6}); !slices.Contains(week.Locks.ReleasedBy, holder) {
				t.Errorf("%+v", week.Locks.ReleasedBy)
			}
			said := w.events[len(w.events)-1]
			if named := slices.ContainsFunc(said.WeekFacts(), func(f alert.Fact) bool { return f.Label == "Not counted" }); named != tc.many {
				t.Errorf("%+v", said.WeekFacts())
			}
		})
	}
}

// A holder has one name, also where S3's event of one of their locks is missing, unless
// several have used the client's name.
func TestAHolderHasOneName(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		locks [][2]string // the client's name and the session of each stuck lock
		want  []alert.WhoCount
	}{
		"without a witness":             {[][2]string{{"ana@laptop", ""}, {"ana@laptop", ""}, {"bob@desk", ""}}, []alert.WhoCount{{Who: "ana@laptop", Count: 2}, {Who: "bob@desk", Count: 1}}},
		"one event is missing":          {[][2]string{{"ana@laptop", "ana@example.com"}, {"ana@laptop", ""}, {"ana@laptop", "ana@example.com"}}, []alert.WhoCount{{Who: "ana@example.com", Count: 3}}},
		"two laptops of one person":     {[][2]string{{"ana@laptop", "ana@example.com"}, {"ana@desk", "ana@example.com"}, {"ana@desk", ""}}, []alert.WhoCount{{Who: "ana@example.com", Count: 3}}},
		"a name that several have used": {[][2]string{{"runner@ci", "gh-1-2"}, {"runner@ci", "gh-3-4"}, {"runner@ci", ""}, {"runner@ci", ""}}, []alert.WhoCount{{Who: "runner@ci", Count: 2}, {Who: "runs of GitHub repository 1", Count: 1}, {Who: "runs of GitHub repository 3", Count: 1}}},
		"three who have used a name":    {[][2]string{{"x@y", "ana@z"}, {"x@y", "bob@z"}, {"x@y", "ana@z"}, {"x@y", ""}}, []alert.WhoCount{{Who: "ana@z", Count: 2}, {Who: "bob@z", Count: 1}, {Who: "x@y", Count: 1}}},
		"an SDK made the session up":    {[][2]string{{"ana@laptop", "botocore-session-1700000000"}, {"ana@laptop", ""}}, []alert.WhoCount{{Who: "ana@laptop", Count: 2}}},
		"clients that name nobody":      {[][2]string{{"", "ana@example.com"}, {"", ""}}, []alert.WhoCount{{Who: "", Count: 1}, {Who: "ana@example.com", Count: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := alone(t)
			w.scan(pass{at: monday.AddDate(0, 0, -8)})
			w.scan(pass{at: monday})
			w.now = monday.Add(time.Hour)
			reporter := w.reporter()
			reporter.History = named(tc.locks)
			week, err := reporter.Run(t.Context(), report.Request{}, "a")
			w.check(err)
			if !slices.Equal(week.MostStuck.People, tc.want) {
				t.Errorf("%+v", week.MostStuck.People)
			}
		})
	}
}

// named is a history of stuck locks, each with a client's name and a session.
type named [][2]string

func (n named) Past(context.Context) iter.Seq2[ledger.Past, error] {
	return func(yield func(ledger.Past, error) bool) {
		for i, who := range n {
			began := monday.Add(-time.Duration(30+i) * time.Hour)
			p := ledger.Past{Path: "states/a", ID: fmt.Sprint(i), Who: who[0], Session: who[1], FirstSeen: began, HeldSince: began, StuckAt: began.Add(threshold), Ended: began.Add(6 * time.Hour), LastSeen: began.Add(6 * time.Hour), Kinds: []tflock.Kind{tflock.S3}, Resolved: true}
			if !yield(p, nil) {
				return
			}
		}
	}
}
