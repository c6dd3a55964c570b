package ledger_test

import (
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// scans lets a store be scanned again and again, and gives what people are notified of.
type scans struct {
	memory ledger.Memory
	at     time.Time
}

func newScans() *scans {
	return &scans{ledger.Memory{Stores: map[string]ledger.Store{table: {Since: now.Add(-time.Hour), LastRead: now}}}, now}
}

func (s *scans) again(failure *scan.Failure) []ledger.Change {
	s.at = s.at.Add(5 * time.Minute)
	found := &scan.Scan{Started: s.at, Ended: s.at, Watched: []string{table}, Failures: map[string]scan.Failure{}}
	if failure != nil {
		found.Failures[table] = *failure
	}
	steps, next := ledger.CompareStores(s.memory, found, rules)
	s.memory.Stores = next
	var changes []ledger.Change
	for _, step := range steps {
		changes = append(changes, step.Change)
	}
	return changes
}

var (
	crowdOfATeam = &scan.Failure{Problem: "more locks than one scan can read", Crowded: []string{"b/a-team/"}}
	deniedWhole  = &scan.Failure{Problem: "access denied"}
	throttled    = &scan.Failure{Problem: "throttled", Passing: true}
)

// What is under every other prefix was read: a row there that no scan saw was not there at the
// last scan, however long the flood lasts. Otherwise a row of a moment ago counts as old as the
// lock object beside it.
func TestACrowdedPrefixIsTheOnlyPartThatWasNotRead(t *testing.T) {
	t.Parallel()
	s := newScans()
	for range 12 * 24 {
		s.again(crowdOfATeam)
	}
	notBefore := func(path tflock.Path) time.Time {
		l := tflock.Lock{ID: "x", Path: path, Info: tflock.Info{ID: "x"}, Holdings: []tflock.Holding{{Kind: tflock.DynamoDB, Store: table, Path: path}}}
		seen := s.memory.Sighting(l, func(string) string { return "" })
		if !seen.NotBefore.Equal(seen.Holdings[0].NotBefore) {
			t.Errorf("%s: %v and %v", path, seen.NotBefore, seen.Holdings[0].NotBefore)
		}
		return seen.NotBefore
	}
	if got := notBefore("b/production/k"); !got.Equal(s.at) {
		t.Errorf("production was last read at %v, not %v", got, s.at)
	}
	if got := notBefore("b/a-team/k"); !got.Equal(now) {
		t.Errorf("the crowded prefix was last read at %v, not %v", got, now)
	}
	if gap, open := s.memory.Stores[table].Unread(s.at, rules.ScanEvery); open || len(s.memory.Stores[table].Gaps) > 0 {
		t.Errorf("a day of complete readings of production is a gap: %v", gap)
	}
	s.again(nil)
	if got := notBefore("b/a-team/k"); !got.Equal(s.at) {
		t.Errorf("after the flood the prefix was last read at %v, not %v", got, s.at)
	}
}

// A folder that is crowded at one scan, and the one that it is in at the next, have not been read in the meantime.
func TestAFolderOfACrowdedFolderWasNotReadEither(t *testing.T) {
	t.Parallel()
	crowd := func(prefixes ...string) *scan.Failure {
		return &scan.Failure{Problem: "more locks than one scan can read", Crowded: prefixes}
	}
	for name, failures := range map[string][]*scan.Failure{
		"the folder first":      {crowd("b/env:/junk/"), crowd("b/env:/")},
		"the folder afterwards": {crowd("b/env:/"), crowd("b/env:/junk/")},
		"both at once":          {crowd("b/env:/", "b/env:/junk/"), crowd("b/env:/junk/", "b/env:/")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScans()
			for _, failure := range failures {
				s.again(failure)
			}
			lock := tflock.Lock{ID: "x", Path: "b/env:/junk/k", Holdings: []tflock.Holding{{Kind: tflock.DynamoDB, Store: table, Path: "b/env:/junk/k"}}}
			if got := s.memory.Sighting(lock, func(string) string { return "" }).NotBefore; !got.Equal(now) {
				t.Errorf("it was last read at %v, not %v", got, now)
			}
		})
	}
}

// People who know of a crowded prefix do not know that the whole store cannot be read, and the
// other way round.
func TestACrowdHidesNoFailure(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		first, then *scan.Failure
		scans       int // after which people learn of the second one
	}{
		"a crowd, then a denial":     {crowdOfATeam, deniedWhole, 1},
		"a crowd, then throttles":    {crowdOfATeam, throttled, 3},
		"a denial, then a crowd":     {deniedWhole, crowdOfATeam, 1},
		"throttles alone, as before": {nil, throttled, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScans()
			if got := s.again(tc.first); (len(got) == 1 && got[0] == ledger.Failed) != (tc.first != nil) {
				t.Fatalf("the first failure: %v", got)
			}
			for i := range tc.scans + 10 {
				got := s.again(tc.then)
				if notified := len(got) == 1 && got[0] == ledger.Failed; notified != (i+1 == tc.scans) || len(got) > 1 {
					t.Errorf("scan %d: %v", i+1, got)
				}
			}
			s.again(nil)
			if got := s.again(nil); len(got) != 1 || got[0] != ledger.Recovered {
				t.Errorf("after two good scans: %v", got)
			}
		})
	}
}

// A crowd and a throttle by turns are one alert, not one at each scan.
func TestACrowdThatComesAndGoesIsNoFlood(t *testing.T) {
	t.Parallel()
	s := newScans()
	n := 0
	for range 20 {
		n += len(s.again(crowdOfATeam)) + len(s.again(throttled))
	}
	if n != 1 {
		t.Errorf("%d messages", n)
	}
}
