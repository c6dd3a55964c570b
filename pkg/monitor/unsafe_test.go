package monitor_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// People are notified once of a store that does not honour conditions, however often
// functions start and probe it, and again only after it did.
func TestAStoreWhoseLocksCannotBeReliedOn(t *testing.T) {
	const warning = simBucket + ": it ignores the condition of a delete"
	for name, tc := range map[string]struct {
		scans string // "u" is unsafe, "?" not known, "." sound, "f" a store that cannot be read
		lost  int    // the number, from 1, of a scan whose message is lost
		want  string // "U" where people are notified of it
	}{
		"once":                              {"uuuuuu", 0, "U....."},
		"what is not known changes nothing": {"??u??u?", 0, "..U...."},
		"again after it was sound":          {"uu.u", 0, "U..U"},
		"a failure in between is not sound": {"ufu.u", 0, "U...U"},
		"a sound store":                     {"....", 0, "...."},
		"a lost message comes again":        {"uuu", 1, ".U."},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t)
			var heard strings.Builder
			for i, letter := range tc.scans {
				at := simStart.Add(time.Duration(i) * time.Minute)
				found := &scan.Scan{Started: at, Ended: at, Watched: []string{simBucket}, Failures: map[string]scan.Failure{}}
				switch letter {
				case 'u':
					found.Unsafe = map[string]string{simBucket: warning}
				case '?':
					found.Doubts = map[string]string{simBucket: "whether it honours them is not known"}
				case 'f', 't':
					found.Failures[simBucket] = scan.Failure{Problem: simBucket + ": throttled", Passing: true}
				}
				var topic monitor.Topic = s
				if i+1 == tc.lost {
					topic = deaf{}
				}
				before := len(s.events)
				err := monitor.Notify(t.Context(), s, topic, s.memory, found, ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: time.Minute, Retention: monitor.Retention})
				if (err != nil) != (i+1 == tc.lost) {
					t.Fatal(err)
				}
				said := "."
				for _, e := range s.events[before:] {
					said = fmt.Sprint(e.Type)
					if e.Unsafe() && e.Type == alert.ScanFailed && e.Severity == alert.Warning && strings.Contains(e.Text, "ignores the condition of a delete") {
						said = "U"
					}
				}
				heard.WriteString(said)
			}
			if heard.String() != tc.want {
				t.Errorf("%s: %s, want %s", tc.scans, heard.String(), tc.want)
			}
		})
	}
}
