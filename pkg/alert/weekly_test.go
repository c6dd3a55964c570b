package alert_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/alert"
)

// The first sentence says whether the week was good, and a lock that is stuck since long ago
// is no good week.
func TestTheFirstSentenceOfAWeek(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		taken, stuck, now int
		subject, text     string
	}{
		"nothing was locked":                          {0, 0, 0, "no locks", "No lock was seen in the week to "},
		"a lock is stuck since before, and no other":  {0, 0, 1, "0 new locks, 1 stuck since before it", "No lock became stuck in the week to "},
		"three are, and others came and went":         {17, 0, 3, "17 new locks, 3 stuck since before it", "but 3 are stuck since before it; 17 were taken."},
		"none was stuck":                              {17, 0, 0, "17 locks, none stuck", "No lock was stuck in the week to "},
		"one was taken before the week and got stuck": {0, 1, 1, "0 new locks, 1 became stuck", "1 lock became stuck in the week to "},
		"some were stuck":                             {17, 2, 0, "17 locks, 2 stuck", "2 of 17 locks were stuck in the week to "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := emptyWeek()
			w.Locks.Taken, w.Locks.Stuck, w.Locks.StuckNow = &tc.taken, &tc.stuck, tc.now
			e := composer.Weekly(w, now)
			if !strings.Contains(e.Subject, tc.subject) || !strings.Contains(e.Text, tc.text) {
				t.Errorf("%s\n%s", e.Subject, e.Text)
			}
		})
	}
}

// Whoever takes a lock chooses what its holder is called, and makes one name look like several with a count each.
func TestANameInAListIsOneName(t *testing.T) {
	w := week()
	w.MostStuck.People = []alert.WhoCount{{Who: `x (1), ana@prod (40), "bob"`, Count: 2}}
	w.MostStuck.Paths = []alert.PathCount{{Path: "s/a/x (1), s/prod/y (40), z", Count: 1}}
	var facts strings.Builder
	for _, fact := range composer.Weekly(w, now).WeekFacts() {
		facts.WriteString(fact.Label + ": " + fact.Text + "\n")
	}
	for _, want := range []string{`Most stuck holders: "x (1), ana@prod (40), 'bob'" (2)`, `Most stuck states: "s/a/x (1), s/prod/y (40), z" (1)`} {
		if !strings.Contains(facts.String(), want) {
			t.Errorf("%q is not in\n%s", want, facts.String())
		}
	}
}
