package monitor_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var update = flag.Bool("update", false, "write the simulated months into docs/alerts.md")

const (
	simTable  = "arn:aws:dynamodb:eu-central-1:123456789012:table/locks"
	simBucket = "arn:aws:s3:::states"
)

// simulation is a monitor with the defaults, over time that is not real: everything from
// the holdings that a scan read to the published event is the product's own code. Only
// the stores, the ledger's table and the topic are memory.
type simulation struct {
	*testing.T
	every  time.Duration
	memory ledger.Memory
	events []alert.Event
	random *rand.Rand
}

func simulate(t *testing.T) *simulation {
	return &simulation{
		T: t, every: 5 * time.Minute, random: rand.New(rand.NewPCG(1, 2)), //nolint:gosec // the same month every time
		memory: ledger.Memory{Locks: map[ledger.Key]ledger.Entry{}, Stores: map[string]ledger.Store{}},
	}
}

// Publish keeps an event, after everything that it takes to send it was done.
func (s *simulation) Publish(_ context.Context, e alert.Event) error {
	if e.Text == "" || e.Subject == "" || alert.Mail(e) == "" {
		s.Errorf("an event that says nothing: %+v", e)
	}
	s.events = append(s.events, e)
	return nil
}

// Record does what the ledger's table does.
func (s *simulation) Record(_ context.Context, steps iter.Seq[ledger.Step]) error {
	for step := range steps {
		if step.Change == ledger.Resolved || step.Change == ledger.Forget {
			delete(s.memory.Locks, step.Key)
		} else {
			s.memory.Locks[step.Key] = step.Entry
		}
	}
	return nil
}

// End records the stores.
func (s *simulation) End(_ context.Context, stores map[string]ledger.Store) error {
	s.memory.Stores = stores
	return nil
}

// Released finds no release.
func (s *simulation) Released(context.Context, ledger.Key) (ledger.Release, bool, error) {
	return ledger.Release{}, false, nil
}

// scan reads what the scene holds at a time, a few seconds after the schedule says.
func (s *simulation) scan(sc scene, since time.Duration) {
	started := simStart.Add(since + time.Duration(s.random.IntN(20))*time.Second)
	found := &scan.Scan{Started: started, Ended: started.Add(2 * time.Second), Watched: []string{simTable, simBucket}, Failures: map[string]scan.Failure{}}
	if sc.fails != nil {
		if f := sc.fails(since, s.random); f != nil {
			failure := *f // which the scenes share
			failure.Problem = simTable + ": " + failure.Problem
			found.Failures[simTable] = failure
		}
	}
	var holdings []tflock.Holding
	for _, h := range sc.holdings(since) {
		if !found.Failed(h.Store) {
			holdings = append(holdings, h)
		}
	}
	locks := tflock.Merge(holdings)
	memory := ledger.Memory{Locks: maps.Clone(s.memory.Locks), Stores: s.memory.Stores}
	for _, l := range locks {
		c := policy.Case{Lock: l, Seen: memory.Sighting(l, func(store string) string { return found.Unknown(l.Path, store) }), State: policy.State{Problem: "its bucket is not watched", Unwatched: true}}
		c.Judge(scaleRules, found.Ended)
		found.Worst = append(found.Worst, c)
	}
	rules := ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: s.every, Keep: monitor.Keep}
	if err := monitor.Notify(s.Context(), s, s, memory, found, rules); err != nil {
		s.Fatal(err)
	}
	s.expire(started)
}

// expire deletes rows as DynamoDB does: up to two days after their time.
func (s *simulation) expire(now time.Time) {
	for key, e := range s.memory.Locks {
		if late := now.Sub(e.Expires); late > 48*time.Hour || (late > 0 && s.random.IntN(300) == 0) {
			delete(s.memory.Locks, key)
		}
	}
}

func (s *simulation) run(sc scene) {
	for since := time.Duration(0); since <= time.Duration(sc.days*24)*time.Hour; since += s.every {
		s.scan(sc, since)
	}
}

// tally counts messages by type.
func (s *simulation) tally() map[alert.Type]int {
	counts := map[alert.Type]int{}
	for _, e := range s.events {
		counts[e.Type]++
	}
	return counts
}

var counted = []alert.Type{alert.LockStuck, alert.LockReminder, alert.LockResolved, alert.LockUnreadable, alert.ScanFailed, alert.ScanRecovered}

// The months that docs/alerts.md shows: every scene stays within its bound, and the page
// says what comes out.
func TestSimulatedMonths(t *testing.T) {
	rows := make([]string, len(scenes))
	t.Run("scenes", func(t *testing.T) {
		for i, sc := range scenes {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				s := simulate(t)
				s.run(sc)
				counts, cells := s.tally(), []string{sc.name, fmt.Sprintf("%g", sc.days)}
				for _, typ := range counted {
					cells = append(cells, cmp.Or(strings.TrimPrefix(fmt.Sprint(counts[typ]), "0"), "–"))
				}
				critical := 0
				for _, e := range s.events {
					if e.Severity == alert.Critical {
						critical++
					}
				}
				if len(s.events) > sc.most {
					t.Errorf("%d messages, at most %d: %v", len(s.events), sc.most, counts)
				}
				if sc.check != nil {
					sc.check(s)
				}
				rows[i] = "| " + strings.Join(append(cells, fmt.Sprint(critical), fmt.Sprintf("**%d**", len(s.events)), fmt.Sprint(sc.most)), " | ") + " |\n"
			})
		}
	})
	if t.Failed() {
		return
	}
	table := "| what happens | days | stuck | reminder | resolved | unreadable | failed | recovered | critical ones | messages | at most |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n" + strings.Join(rows, "")
	const page, from, to = "../../docs/alerts.md", "<!-- simulation: go test ./pkg/monitor -run Simulated -update -->\n", "<!-- /simulation -->"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), from)
	said, after, closed := strings.Cut(rest, to)
	if !ok || !closed {
		t.Fatal("docs/alerts.md has no place for the table")
	}
	if said == table {
		return
	}
	if !*update {
		t.Fatalf("docs/alerts.md does not say what the simulation does; run this test with -update.\nIt says:\n%s\nIt should say:\n%s", said, table)
	}
	if err := os.WriteFile(page, []byte(before+from+table+to+after), 0o644); err != nil { //nolint:gosec // a page of docs
		t.Fatal(err)
	}
}

// hold is one lock over its life, counted from the simulation's start.
type hold struct {
	path           string
	taken, dropped time.Duration
}

func (h hold) holding() tflock.Holding {
	path := "states/" + h.path
	return tflock.Holding{Kind: tflock.DynamoDB, Store: simTable, Path: tflock.Path(path), Info: tflock.Info{
		ID: "id-" + h.path + h.taken.String(), Path: path, Operation: "OperationTypeApply", Who: "runner@ci", Version: "1.11.4", Created: simStart.Add(h.taken),
	}}
}

var simStart = time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC) // a Friday evening

// scene is a month, or what there is to see of it.
type scene struct {
	name    string
	days    float64
	most    int // messages
	holds   []hold
	foreign func(since time.Duration) []tflock.Holding
	fails   func(since time.Duration, random *rand.Rand) *scan.Failure // of the table
	check   func(s *simulation)
}

func (sc scene) holdings(since time.Duration) []tflock.Holding {
	var all []tflock.Holding
	for _, h := range sc.holds {
		if h.taken <= since && since < h.dropped {
			all = append(all, h.holding())
		}
	}
	if sc.foreign != nil {
		all = append(all, sc.foreign(since)...)
	}
	return all
}

const (
	day    = 24 * time.Hour
	monday = 62 * time.Hour // from Friday evening to Monday morning
)

// spread takes n locks one after the other, and drops each at its time.
func spread(n int, apart time.Duration, dropped func(i int) time.Duration) []hold {
	holds := make([]hold, n)
	for i := range holds {
		holds[i] = hold{fmt.Sprintf("team-%02d/terraform.tfstate", i), time.Duration(i) * apart, dropped(i)}
	}
	return holds
}

func at(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

// random is a month of a busy account: 40 runs a day, of which one in 50 leaves its lock
// behind until somebody comes.
func random() []hold {
	r := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // the same month every time
	var holds []hold
	for i := range 40 * 30 {
		taken := time.Duration(r.Int64N(int64(30 * day)))
		lasts := time.Duration(1+r.IntN(20)) * time.Minute
		if i%50 == 0 {
			lasts = time.Duration(1+r.IntN(30)) * time.Hour
		}
		holds = append(holds, hold{fmt.Sprintf("team-%02d/app-%d/terraform.tfstate", i%12, i), taken, taken + lasts})
	}
	return holds
}

func foreignRow(path string) tflock.Holding {
	return tflock.Holding{Kind: tflock.DynamoDB, Store: simTable, Path: tflock.Path(path), Err: tflock.ErrForeign}
}

var (
	throttled = &scan.Failure{Problem: "throttled beyond all retries", Passing: true}
	missing   = &scan.Failure{Problem: "it does not exist"}
)

func during(from, to time.Duration, f *scan.Failure) func(time.Duration, *rand.Rand) *scan.Failure {
	return func(since time.Duration, _ *rand.Rand) *scan.Failure {
		if from <= since && since < to {
			return f
		}
		return nil
	}
}

var scenes = []scene{
	{name: "30 locks over a weekend, stuck within five hours; one fix on Monday", days: 3, most: 45, holds: spread(30, 10*time.Minute, at(monday))},
	{name: "the same, each left in a scan of its own within a minute of another", days: 3, most: 45, holds: spread(30, time.Minute, at(monday))},
	{name: "the same, stuck one by one over the whole weekend", days: 3, most: 60, holds: spread(30, 2*time.Hour, at(monday))},
	{name: "30 locks stuck at once, released at once", days: 3, most: 10, holds: spread(30, 0, at(monday))},
	{name: "30 locks within five hours, released one by one on Monday", days: 3, most: 75, holds: spread(30, 10*time.Minute, func(i int) time.Duration { return monday + time.Duration(i)*10*time.Minute })},
	{name: "one lock held for 100 days", days: 101, most: 110, holds: spread(1, 0, at(100*day))},
	{name: "a month of 1,200 runs, of which 24 leave a lock for up to 30 hours", days: 31, most: 24 * 6, holds: random()},
	{name: "a table that is throttled in one scan of six", days: 30, most: 0, fails: func(since time.Duration, _ *rand.Rand) *scan.Failure {
		if since/(5*time.Minute)%6 == 5 {
			return throttled
		}
		return nil
	}},
	{name: "a table that is throttled in any tenth scan", days: 30, most: 40, fails: func(_ time.Duration, random *rand.Rand) *scan.Failure {
		if random.IntN(10) == 0 {
			return throttled
		}
		return nil
	}},
	{name: "a table that is missing for three days", days: 30, most: 10, fails: during(5*day, 8*day, missing)},
	{name: "a table that cannot be read for 40 days, while a lock in it is held", days: 45, most: 60, holds: spread(1, 0, at(44*day)), fails: during(day, 41*day, missing), check: onlyOnceStuck},
	{name: "300 fake locks beside one of production", days: 2, most: 10, holds: flood(300), check: productionListed},
	{name: "another tool's row, rewritten at every scan and gone at night", days: 30, most: 1, foreign: func(since time.Duration) []tflock.Holding {
		if since%day > 12*time.Hour {
			return nil
		}
		return []tflock.Holding{foreignRow("deploy-lock")}
	}},
	{name: "another tool that leaves a row every hour, for three days each", days: 10, most: 11, foreign: func(since time.Duration) []tflock.Holding {
		var rows []tflock.Holding
		for left := max(0, since-3*day) / time.Hour; left < since/time.Hour; left++ {
			rows = append(rows, foreignRow(fmt.Sprintf("job-%d", left)))
		}
		return rows
	}},
	{name: "a lock object that is replaced by another unreadable one at every scan", days: 30, most: 31, foreign: func(since time.Duration) []tflock.Holding {
		return []tflock.Holding{{Kind: tflock.S3, Store: simBucket, Path: "states/a/terraform.tfstate", ETag: fmt.Sprint(since), Modified: simStart.Add(since - time.Minute), Err: tflock.ErrForeign}}
	}},
	{name: "all of it in one month", days: 31, most: 300, holds: slices.Concat(random(), spread(30, 10*time.Minute, at(monday)), flood(300)), fails: everything, foreign: func(since time.Duration) []tflock.Holding {
		return []tflock.Holding{foreignRow("deploy-lock"), foreignRow(fmt.Sprintf("job-%d", since/time.Hour))}
	}},
}

func everything(since time.Duration, random *rand.Rand) *scan.Failure {
	switch {
	case 20*day <= since && since < 22*day:
		return missing
	case random.IntN(10) == 0:
		return throttled
	default:
		return nil
	}
}

// flood is fake locks for two days, and one of production among them.
func flood(n int) []hold {
	holds := []hold{{"production/terraform.tfstate", 10 * time.Minute, 40 * time.Hour}}
	for i := range n {
		holds = append(holds, hold{fmt.Sprintf("sandbox/%d/terraform.tfstate", i), 0, 40 * time.Hour})
	}
	return holds
}

func onlyOnceStuck(s *simulation) {
	if n := s.tally()[alert.LockStuck]; n != 1 {
		s.Errorf("the lock was announced as new %d times", n)
	}
	if n := s.tally()[alert.LockResolved]; n != 1 {
		s.Errorf("resolved %d times", n)
	}
}

// productionListed wants production's lock among those that each message lists, or in one
// of its own.
func productionListed(s *simulation) {
	const path = "states/production/terraform.tfstate"
	for _, e := range s.events {
		if len(e.Locks) > 0 && len(e.Locks)+e.Omitted > 300 && !slices.ContainsFunc(e.Locks[:20], func(f alert.Item) bool { return f.Path == path }) {
			s.Errorf("%s of %d locks does not list production's", e.Type, len(e.Locks)+e.Omitted)
		}
	}
}
