package ledger_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// outcomes reads a store's scans, one a letter: "." is good, "t" a throttle, "d" a denial,
// and answers what people are notified of at each.
func outcomes(scans string, every time.Duration, publish bool) string {
	rules := rules
	rules.ScanEvery = every
	m := ledger.Memory{Stores: map[string]ledger.Store{}}
	var heard strings.Builder
	for i, letter := range scans {
		at := now.Add(time.Duration(i) * every)
		found := &scan.Scan{Started: at, Ended: at, Watched: []string{table}, Failures: map[string]scan.Failure{}}
		if letter != '.' {
			found.Failures[table] = scan.Failure{Problem: "p", Passing: letter == 't'}
		}
		steps, next := ledger.CompareStores(m, found, rules)
		said := "."
		for _, s := range steps {
			said = map[ledger.Change]string{ledger.Failed: "F", ledger.StillFailed: "S", ledger.Recovered: "R", ledger.StoreDisappeared: "G"}[s.Change]
			if !publish {
				next[s.ARN] = s.Unnotified
			}
		}
		heard.WriteString(said)
		m.Stores = next
	}
	return heard.String()
}

func TestWhenPeopleLearnOfAFailingStore(t *testing.T) {
	hour := strings.Repeat("d", 48)
	for name, tc := range map[string]struct {
		scans string
		every time.Duration
		want  string
	}{
		"what will not pass is notified at once":               {".d", 5 * time.Minute, ".F"},
		"what may pass is notified at the third scan in a row": {".ttt", 5 * time.Minute, "...F"},
		"one failure in six notifies nobody":                   {"t.....t.....t.....", 5 * time.Minute, ".................."},
		"two in a row, again and again, notify nobody":         {"tt.tt.tt.tt.", 5 * time.Minute, "............"},
		"half an hour of failures is enough":                   {".tt", 30 * time.Minute, "..F"},
		"an hour is too":                                       {".tt", time.Hour, "..F"},
		"but one alone is not":                                 {".t.", time.Hour, "..."},
		"a throttle that becomes a denial":                     {"td", 5 * time.Minute, ".F"},
		"two good scans are a recovery":                        {"d...", 5 * time.Minute, "F.R."},
		"a failure before that is not new":                     {"d.d.t..", 5 * time.Minute, "F.....R"},
		"after a recovery it is":                               {"d..d", 5 * time.Minute, "F.RF"},
		"a failure that nobody knew of ends in silence":        {"tt..", 5 * time.Minute, "...."},
		"a reminder comes after four hours":                    {hour + "dd", 5 * time.Minute, "F" + strings.Repeat(".", 47) + "S."},
	} {
		t.Run(name, func(t *testing.T) {
			if got := outcomes(tc.scans, tc.every, true); got != tc.want {
				t.Errorf("%s: %s, want %s", tc.scans, got, tc.want)
			}
		})
	}
}

func TestAStoresNewsThatCouldNotBePublishedRemain(t *testing.T) {
	if got := outcomes("dd.", 5*time.Minute, false); got != "FF." {
		t.Errorf("failed: %s", got)
	}
	if got := outcomes("tttt", 5*time.Minute, false); got != "..FF" {
		t.Errorf("failed thrice: %s", got)
	}
	known := ledger.Memory{Stores: map[string]ledger.Store{table: {FailingSince: ago(time.Hour), Notified: 1, NotifiedAt: ago(time.Hour), Good: 1}}}
	found := &scan.Scan{Started: now, Ended: now, Watched: []string{table}}
	for range 2 {
		steps, _ := ledger.CompareStores(known, found, rules)
		if len(steps) != 1 || steps[0].Change != ledger.Recovered || !steps[0].Unnotified.LastRead.Equal(now) {
			t.Fatalf("%+v", steps)
		}
		known.Stores[table] = steps[0].Unnotified
	}
}

func TestStoresThatAreNotWatchedAnyMore(t *testing.T) {
	const pattern, covered = "arn:aws:dynamodb:eu-west-1:123456789012:table/tf-*", "arn:aws:dynamodb:eu-west-1:123456789012:table/tf-payments"
	read := map[string]ledger.Store{covered: {LastRead: ago(time.Hour)}, pattern: {LastRead: ago(time.Hour), Matched: true}}
	for name, tc := range map[string]struct {
		found scan.Scan
		want  string // changes, then whether it is still remembered
	}{
		"removed from the configuration: not a word":          {scan.Scan{}, "[] false"},
		"a pattern covers it, and it is gone":                 {scan.Scan{Patterns: []string{pattern}}, "[gone] false"},
		"a pattern covers it, and it is there":                {scan.Scan{Patterns: []string{pattern}, Watched: []string{covered}}, "[] true"},
		"the pattern could not be searched: nobody knows":     {scan.Scan{Patterns: []string{pattern}, Failures: denied(pattern)}, "[failed] true"},
		"another pattern failed":                              {scan.Scan{Patterns: []string{pattern, "arn:aws:s3:::*"}, Failures: denied("arn:aws:s3:::*")}, "[failed gone] false"},
		"a pattern that does not cover it says nothing of it": {scan.Scan{Patterns: []string{"arn:aws:s3:::*"}}, "[unmatched] false"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.found.Started, tc.found.Ended = now, now
			steps, next := ledger.CompareStores(ledger.Memory{Stores: maps.Clone(read)}, &tc.found, rules)
			changes := []ledger.Change{}
			for _, s := range steps {
				changes = append(changes, s.Change)
			}
			_, known := next[covered]
			if got := fmt.Sprint(changes, known); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
			if failed := tc.found.Failed(covered); failed != strings.HasPrefix(tc.want, "[failed] true") {
				t.Errorf("failed: %v", failed)
			}
		})
	}
}

// Whatever happens to a store: a recovery follows a failure that people know of, and two
// notifications of one failure keep half of their wait apart.
func TestStoreNotificationsComeInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, known, failedInARow := ledger.Memory{Stores: map[string]ledger.Store{}}, 0, 0
		var last time.Time
		for i := range rapid.IntRange(1, 400).Draw(t, "scans") {
			at := now.Add(time.Duration(i) * 5 * time.Minute)
			found := &scan.Scan{Started: at, Ended: at, Watched: []string{table}, Failures: map[string]scan.Failure{}}
			passing := true
			if kind := rapid.IntRange(0, 9).Draw(t, "result"); kind > 2 {
				passing = kind < 9
				found.Failures[table] = scan.Failure{Passing: passing}
				failedInARow++
			} else {
				failedInARow = 0
			}
			steps, next := ledger.CompareStores(m, found, rules)
			for _, s := range steps {
				switch {
				case s.Change == ledger.Failed && (known > 0 || (passing && failedInARow < 3)):
					t.Fatal("notified too early, or again")
				case s.Change == ledger.StillFailed && (known == 0 || at.Sub(last) < rules.Wait(known)/2):
					t.Fatal("reminded too early")
				case s.Change == ledger.Recovered && (known == 0 || failedInARow > 0):
					t.Fatal("a recovery of what did not fail")
				}
				last = at
				if known++; s.Change == ledger.Recovered {
					known = 0
				}
			}
			if known == 0 && failedInARow >= 3 {
				t.Fatal("nobody knows")
			}
			m.Stores = next
		}
	})
}

func TestAPatternThatMatchesNothingIsReportedOnce(t *testing.T) {
	const pattern = "arn:aws:s3:::*-tfstate"
	m := ledger.Memory{Stores: map[string]ledger.Store{}}
	for i, tc := range []struct {
		failed  bool
		watched []string
		publish bool
		want    string
	}{
		{true, nil, true, "[failed]"}, // could not be searched: whether it matches is not known
		{false, nil, true, "[]"},
		{false, nil, true, "[recovered]"},
		{false, nil, false, "[unmatched]"}, // not published, so it comes again
		{false, nil, true, "[unmatched]"},
		{false, nil, true, "[]"},
		{false, []string{"arn:aws:s3:::a-tfstate"}, true, "[]"},
		{false, nil, true, "[gone]"},
		{false, nil, true, "[]"},
	} {
		found := &scan.Scan{Started: now, Ended: now.Add(time.Duration(i) * time.Minute), Patterns: []string{pattern}, Watched: tc.watched}
		if tc.failed {
			found.Failures = denied(pattern)
		}
		steps, next := ledger.CompareStores(m, found, rules)
		changes := []ledger.Change{}
		for _, s := range steps {
			changes = append(changes, s.Change)
			if !tc.publish {
				next[s.ARN] = s.Unnotified
			}
		}
		if got := fmt.Sprint(changes); got != tc.want {
			t.Errorf("scan %d: %s, want %s", i, got, tc.want)
		}
		m.Stores = next
	}
}
