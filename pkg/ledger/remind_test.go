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

func TestWaitsDoubleUpToADay(t *testing.T) {
	for first, want := range map[time.Duration]string{
		4 * time.Hour:       "[4h0m0s 8h0m0s 16h0m0s 24h0m0s 24h0m0s]",
		12 * time.Hour:      "[12h0m0s 24h0m0s 24h0m0s 24h0m0s 24h0m0s]",
		7 * time.Hour:       "[7h0m0s 14h0m0s 24h0m0s 24h0m0s 24h0m0s]",
		48 * time.Hour:      "[48h0m0s 48h0m0s 48h0m0s 48h0m0s 48h0m0s]", // who asks for fewer gets no more
		100_000 * time.Hour: "[100000h0m0s 100000h0m0s 100000h0m0s 100000h0m0s 100000h0m0s]",
	} {
		var waits []time.Duration
		for n := 1; n <= 5; n++ {
			waits = append(waits, ledger.Rules{RemindEvery: first}.Wait(n))
		}
		if got := fmt.Sprint(waits); got != want {
			t.Errorf("RemindEvery %s: %s, want %s", first, got, want)
		}
	}
}

func TestUrgency(t *testing.T) {
	for name, tc := range map[string]struct {
		notified int
		passed   time.Duration
		want     ledger.Urgency
	}{
		"people were never notified":                     {0, 1000 * time.Hour, ledger.TooEarly},
		"less than half of the wait":                     {1, 2*time.Hour - time.Second, ledger.TooEarly},
		"half of the wait":                               {1, 2 * time.Hour, ledger.MayJoin},
		"the next scan is nearer to the time":            {1, 4*time.Hour - 151*time.Second, ledger.MayJoin},
		"this scan is nearest to the time":               {1, 4*time.Hour - 150*time.Second, ledger.Due},
		"the second wait is twice as long":               {2, 4 * time.Hour, ledger.MayJoin},
		"a day is the longest":                           {9, 24 * time.Hour, ledger.Due},
		"one clock was wrong: it is before the last one": {1, -time.Hour, ledger.TooEarly},
	} {
		if got := rules.Urgency(tc.notified, ago(tc.passed), now); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	if got := (ledger.Rules{RemindEvery: 90 * time.Second, ScanEvery: time.Hour}).Urgency(1, ago(44*time.Second), now); got != ledger.TooEarly {
		t.Errorf("a wait shorter than a scan is not half over: %s", got)
	}
}

// For any set of locks, any RemindEvery and any schedule: no two messages about one lock
// come closer than half of its wait, none later than half a scan after its wait, and what
// is due at one time is in one message.
func TestRemindersKeepTheirDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := ledger.Rules{
			RemindEvery: time.Duration(rapid.IntRange(5, 3000).Draw(t, "RemindEvery")) * time.Minute,
			ScanEvery:   time.Duration(rapid.SampledFrom([]int{1, 5, 10, 15, 30, 60}).Draw(t, "ScanEvery")) * time.Minute,
			Retention:   30 * 24 * time.Hour,
		}
		taken := rapid.SliceOfN(rapid.IntRange(0, 300), 1, 12).Draw(t, "first scan of each lock")
		m := ledger.Memory{Locks: map[ledger.Key]ledger.Entry{}}
		heard, count := map[ledger.Key]time.Time{}, map[ledger.Key]int{}
		for i := range rapid.IntRange(1, 600).Draw(t, "scans") {
			at := now.Add(time.Duration(i) * rules.ScanEvery)
			var locks []policy.Case
			for n, first := range taken {
				if first <= i {
					locks = append(locks, numbered(n, policy.Stuck))
				}
			}
			found := &scan.Scan{Started: at, Ended: at, Watched: []string{table}, Worst: locks}
			due := false
			for s := range ledger.Compare(m, found, rules) {
				if s.Change == ledger.Reminder {
					wait, passed := rules.Wait(count[s.Key]), at.Sub(heard[s.Key])
					if passed < wait/2 {
						t.Fatalf("reminded after %s of %s", passed, wait)
					}
					due = due || passed >= wait-rules.ScanEvery/2
				}
				if s.Change == ledger.Stuck || s.Change == ledger.Reminder {
					heard[s.Key] = at
					count[s.Key]++
				}
				m.Locks[s.Key] = s.Entry
			}
			for key, last := range heard {
				wait, passed := rules.Wait(count[key]), at.Sub(last)
				switch {
				case passed > max(wait, rules.ScanEvery/2)+rules.ScanEvery/2:
					t.Fatalf("not reminded after %s of %s", passed, wait)
				case due && passed >= wait/2 && passed > 0:
					t.Fatalf("a reminder was published, and left out what has waited %s of %s", passed, wait)
				}
			}
		}
	})
}

func numbered(n int, verdict policy.Verdict) policy.Case {
	path := fmt.Sprintf("b/%d", n)
	l := tflock.Lock{ID: "x", Path: tflock.Path(path), Holdings: []tflock.Holding{{Kind: tflock.DynamoDB, Store: table, Path: tflock.Path(path)}}}
	return policy.Case{Lock: l, Judgement: policy.Judgement{Verdict: verdict}}
}
