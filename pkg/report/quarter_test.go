package report_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/report"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	table  = "arn:aws:dynamodb:eu-central-1:123456789012:table/locks"
	bucket = "arn:aws:s3:::states"

	threshold = 4 * time.Hour
	every     = 3 * time.Hour
)

// monday is when the monitor was installed, a minute before the first scan; the first
// report comes a week later.
var monday = time.Date(2026, 8, 31, 8, 0, 0, 0, time.UTC)

// life is one lock of the simulation's own log.
type life struct {
	path, id, who, operation string
	kinds                    []tflock.Kind
	taken, ended             time.Time
	by                       string // who released it through us; empty: nobody did
}

// pass is one scan of the log.
type pass struct {
	at     time.Time
	failed map[string]bool // stores
}

func (p pass) end() time.Time { return p.at.Add(2 * time.Second) }

var storeOf = map[tflock.Kind]string{tflock.DynamoDB: table, tflock.S3: bucket}

// quarter is thirteen weeks, as they were.
type quarter struct {
	lives  []life
	passes []pass
	prunes []ledger.PruneRun
	tries  []time.Time // refused lock attempts
}

// newQuarter draws one.
func newQuarter(random *rand.Rand) quarter {
	var q quarter
	end := monday.AddDate(0, 0, 7*13)
	for at := monday.Add(time.Minute); at.Before(end); at = at.Add(every) {
		if random.IntN(30) == 0 {
			continue // the monitor did not run
		}
		p := pass{at: at.Add(time.Duration(random.IntN(600)) * time.Second), failed: map[string]bool{}}
		for _, store := range []string{table, bucket} {
			p.failed[store] = random.IntN(12) == 0
		}
		q.passes = append(q.passes, p)
	}
	q.passes[0].failed = nil
	for i := range 1500 {
		taken := monday.Add(time.Duration(random.Int64N(int64(end.Sub(monday)/time.Second))) * time.Second)
		held := time.Duration(random.Int64N(int64(5*time.Hour/time.Second))) * time.Second
		if random.IntN(5) == 0 {
			held *= 12
		}
		l := life{
			path: fmt.Sprintf("states/%d/terraform.tfstate", random.IntN(12)), id: strconv.Itoa(i), who: []string{"ana@laptop", "runner@ci", "bob@desk"}[random.IntN(3)],
			operation: []string{"OperationTypePlan", "OperationTypeApply"}[random.IntN(2)], taken: taken, ended: taken.Add(held),
			kinds: [][]tflock.Kind{{tflock.DynamoDB}, {tflock.S3}, {tflock.DynamoDB, tflock.S3}}[random.IntN(3)],
		}
		if held > threshold && random.IntN(3) == 0 {
			l.by = []string{"ana", "bob", "lockwarden-auto"}[random.IntN(3)]
		}
		q.lives = append(q.lives, l)
	}
	for at := monday.Add(20 * time.Hour); at.Before(end); at = at.AddDate(0, 0, 4+random.IntN(8)) {
		q.prunes = append(q.prunes, ledger.PruneRun{At: at, Pruned: random.IntN(5), Abandoned: random.IntN(3), StoppedEarly: random.IntN(4) == 0})
	}
	for range 400 {
		q.tries = append(q.tries, monday.Add(time.Duration(random.Int64N(int64(end.Sub(monday))))))
	}
	return q
}

// Refused is what CloudWatch says of the log.
func (q quarter) Refused(_ context.Context, tables []string, from, to time.Time) (n int64, _ error) {
	if !slices.Equal(tables, []string{table}) {
		return 0, fmt.Errorf("asked for %v", tables)
	}
	for _, at := range q.tries {
		if !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return n, nil
}

// world is the product over a ledger that is memory.
type world struct {
	*testing.T
	quarter
	client        *dynamodb.Client
	notifications *ledger.Notifications
	releases      *ledger.Releases
	prunes        *ledger.Prunes
	reports       *ledger.Reports
	now, done     time.Time // done: all of the log before it has happened
	events        []alert.Event
	broken        int // publishes that fail from now on
}

func newWorld(t *testing.T, q quarter) *world {
	t.Helper()
	fake := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	endpoint, stop, err := fake.Serve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	client := dynamodb.NewFromConfig(aws.Config{Region: scale.Region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")})
	return &world{
		T: t, quarter: q, client: client, now: monday, done: monday, notifications: ledger.NewNotifications(client, "ledger"), releases: ledger.NewReleases(client, "ledger"),
		prunes: ledger.NewPrunes(client, "ledger"), reports: ledger.NewReports(client, "ledger"),
	}
}

func (w *world) Publish(_ context.Context, e alert.Event) error {
	if w.broken > 0 {
		w.broken--
		return fmt.Errorf("the topic is down")
	}
	if _, err := alert.Render(e); err != nil {
		return err
	}
	w.events = append(w.events, e)
	return nil
}

func (w *world) reporter() *report.Reporter {
	return &report.Reporter{
		Scans: w.notifications, History: ledger.NewHistory(w.client, "ledger"), Releases: w.releases, Prunes: w.prunes, Reports: w.reports,
		Attempts: w.quarter, Composer: alert.Composer{Account: "123456789012", Region: "eu-central-1"}, Topic: w,
		Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler),
	}
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// scan does what the monitor does, with the product's own judgement and comparison.
func (w *world) scan(p pass) {
	w.Helper()
	found := &scan.Scan{Started: p.at, Ended: p.end(), Watched: []string{table, bucket}, Failures: map[string]scan.Failure{}}
	for store, failed := range p.failed {
		if failed {
			found.Failures[store] = scan.Failure{Problem: store + ": throttled", Passing: true}
		}
	}
	lease, err := w.notifications.Begin(w.Context(), p.at.String(), found, p.at)
	w.check(err)
	rules := policy.Rules{Thresholds: policy.Thresholds{Default: threshold}, ReleaseGuard: 10 * time.Minute}
	for _, l := range w.lives {
		if l.taken.After(p.at) || !l.ended.After(p.at) {
			continue
		}
		info := tflock.Info{ID: l.id, Operation: l.operation, Who: l.who, Created: l.taken, Path: l.path}
		c := policy.Case{Lock: tflock.Lock{ID: l.id, Path: tflock.Path(l.path), Info: info}}
		for _, kind := range l.kinds {
			if !p.failed[storeOf[kind]] {
				c.Holdings = append(c.Holdings, tflock.Holding{Kind: kind, Store: storeOf[kind], Path: tflock.Path(l.path), Info: info})
			}
		}
		if len(c.Holdings) == 0 {
			continue
		}
		c.Seen = lease.Memory.Sighting(c.Lock, found.Failed)
		c.Judge(rules, found.Ended)
		found.Worst = append(found.Worst, c)
	}
	compare := ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: every, Keep: 30 * 24 * time.Hour}
	w.check(lease.Record(w.Context(), ledger.Compare(lease.Memory, found, compare)))
	_, next := ledger.CompareStores(lease.Memory, found, compare)
	w.check(lease.End(w.Context(), next))
}

// release records what the unlock function records.
func (w *world) release(l life) {
	w.Helper()
	r := ledger.Release{At: l.ended, Outcome: "released", Finished: true, RequestedBy: l.by}
	for _, kind := range l.kinds {
		r.Halves = append(r.Halves, ledger.Half{Store: storeOf[kind], Kind: kind, Fate: ledger.HalfRemoved})
	}
	w.check(w.releases.Write(w.Context(), ledger.Key{Path: tflock.Path(l.path), ID: l.id}, r))
}

// expire deletes what DynamoDB would have deleted by now.
func (w *world) expire() {
	w.Helper()
	for _, kind := range []string{"past", "prune-run", "report"} {
		rows, err := w.client.Query(w.Context(), &dynamodb.QueryInput{
			TableName: aws.String("ledger"), KeyConditionExpression: aws.String("kind = :kind"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":kind": &types.AttributeValueMemberS{Value: kind}},
		})
		w.check(err)
		for _, row := range rows.Items {
			seconds, err := strconv.ParseInt(row["expires_at"].(*types.AttributeValueMemberN).Value, 10, 64)
			w.check(err)
			if time.Unix(seconds, 0).Before(w.now) {
				_, err := w.client.DeleteItem(w.Context(), &dynamodb.DeleteItemInput{
					TableName: aws.String("ledger"), Key: map[string]types.AttributeValue{"kind": row["kind"], "id": row["id"]},
				})
				w.check(err)
			}
		}
	}
}

// until lets everything of the log happen up to a moment.
func (w *world) until(to time.Time) {
	w.Helper()
	type step struct {
		at time.Time
		do func()
	}
	var steps []step
	add := func(at time.Time, do func()) {
		if !at.Before(w.done) && at.Before(to) {
			steps = append(steps, step{at, do})
		}
	}
	for _, p := range w.passes {
		add(p.end(), func() { w.scan(p) })
	}
	for _, l := range w.lives {
		if l.by != "" {
			add(l.ended, func() { w.release(l) })
		}
	}
	for _, run := range w.quarter.prunes {
		add(run.At, func() { w.check(w.prunes.RecordRun(w.Context(), run)) })
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	for _, s := range steps {
		s.do()
	}
	w.now, w.done = to, to
	w.expire()
}

// sighted is what the log says that scans saw of a lock, up to a moment.
type sighted struct {
	life
	first, stuck, gone time.Time // ends of scans; zero: not yet
	kinds              []tflock.Kind
}

// see goes through the log for one lock.
func (q quarter) see(l life, until time.Time) (s sighted, seen bool) {
	s.life = l
	for _, p := range q.passes {
		if !p.end().Before(until) || p.at.Before(l.taken) {
			continue
		}
		if l.ended.After(p.at) {
			glimpse := false
			for _, kind := range l.kinds {
				if !p.failed[storeOf[kind]] {
					glimpse = true
					if !slices.Contains(s.kinds, kind) {
						s.kinds = append(s.kinds, kind)
					}
				}
			}
			if !glimpse {
				continue
			}
			if s.first.IsZero() {
				s.first = p.end()
			}
			if s.stuck.IsZero() && p.end().Sub(l.taken) > threshold {
				s.stuck = p.end()
			}
			continue
		}
		known := false
		for _, kind := range s.kinds {
			known = known || p.failed[storeOf[kind]]
		}
		if !s.first.IsZero() && !known {
			s.gone = p.end()
			break
		}
	}
	return s, !s.first.IsZero()
}

// week computes the figures of one week from the log alone.
func (q quarter) week(from, to time.Time, until time.Time) (w alert.Week) {
	in := func(t time.Time) bool { return !t.IsZero() && !t.Before(from) && t.Before(to) }
	taken, stuck := 0, 0
	var held, plans time.Duration
	var resolved []time.Duration
	paths, people, by := map[string]int{}, map[string]int{}, map[alert.Releaser]int{}
	for _, l := range q.lives {
		if l.by != "" && in(l.ended) {
			how := alert.ByLockwarden
			if l.by == "lockwarden-auto" {
				how = alert.Automatically
			}
			by[alert.Releaser{Who: l.by, How: how}]++
		}
		s, seen := q.see(l, until)
		if !seen {
			continue
		}
		if in(s.first) {
			taken++
		}
		if in(s.stuck) {
			stuck++
			paths[l.path]++
			people[l.who]++
		}
		end := s.gone
		if end.IsZero() {
			end = until
		}
		a, b := l.taken, end
		if a.Before(from) {
			a = from
		}
		if b.After(to) {
			b = to
		}
		if b.After(a) {
			held += b.Sub(a)
			if l.operation == "OperationTypePlan" {
				plans += b.Sub(a)
			}
		}
		if in(s.gone) && !s.stuck.IsZero() {
			resolved = append(resolved, s.gone.Sub(l.taken))
			if l.by == "" {
				by[alert.Releaser{Who: "unknown", How: alert.ByUnknown}]++
			}
		}
	}
	w.From, w.To = from, to
	w.Locks = alert.WeekLocks{Taken: &taken, Stuck: &stuck, ReleasedBy: []alert.Releaser{}}
	for r, n := range by {
		r.Count = n
		w.Locks.Released += n
		w.Locks.ReleasedBy = append(w.Locks.ReleasedBy, r)
	}
	slices.SortFunc(w.Locks.ReleasedBy, func(a, b alert.Releaser) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.How, b.How), cmp.Compare(a.Who, b.Who))
	})
	if slices.Sort(resolved); len(resolved) > 0 {
		middle := resolved[len(resolved)/2]
		if len(resolved)%2 == 0 {
			middle = (middle + resolved[len(resolved)/2-1]) / 2
		}
		w.TimeToResolve = &alert.Resolve{MedianSeconds: int64(middle / time.Second), LongestSeconds: int64(slices.Max(resolved) / time.Second)}
	}
	w.MostStuck = alert.MostStuck{Paths: []alert.PathCount{}, People: []alert.WhoCount{}}
	for _, name := range top(paths) {
		w.MostStuck.Paths = append(w.MostStuck.Paths, alert.PathCount{Path: name, Count: paths[name]})
	}
	for _, name := range top(people) {
		w.MostStuck.People = append(w.MostStuck.People, alert.WhoCount{Who: name, Count: people[name]})
	}
	lockSeconds, planSeconds := int64(held/time.Second), int64(plans/time.Second)
	w.LockSeconds, w.PlanLockSeconds = &lockSeconds, &planSeconds
	tries, _ := q.Refused(context.Background(), []string{table}, from, to)
	w.RefusedLockAttempts = &tries
	for _, run := range q.prunes {
		if in(run.At) {
			if w.States == nil {
				w.States = &alert.WeekStates{}
			}
			w.States.Pruned, w.States.Abandoned, w.States.AtLeast = w.States.Pruned+run.Pruned, run.Abandoned, run.StoppedEarly
		}
	}
	return w
}

func top(counts map[string]int) []string {
	names := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	return names[:min(5, len(names))]
}

// A quarter gives twelve reports, and each figure is the one that the simulation's own log
// says, whatever fails meanwhile. Every event is delivered twice, and published once.
func TestAQuarterOfReports(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, uint64(time.Now().UnixNano())} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			q := newQuarter(rand.New(rand.NewPCG(seed, 7))) //nolint:gosec // the same quarter for the same seed
			w := newWorld(t, q)
			for n := 1; n <= 12; n++ {
				to := monday.AddDate(0, 0, 7*n)
				w.until(to)
				w.now = to.Add(20 * time.Second)
				w.broken = n % 3 / 2 // the topic is down for a moment, and Lambda asks again
				request := report.Request{ScheduledTime: to}
				week, err := w.reporter().Run(t.Context(), request, "a")
				if err != nil {
					w.now = w.now.Add(time.Minute)
					week, err = w.reporter().Run(t.Context(), request, "a")
				}
				w.check(err)
				again, err := w.reporter().Run(t.Context(), request, "b")
				w.check(err)
				if diff := gocmp.Diff(week, again); diff != "" {
					t.Errorf("week %d: a second delivery answers something else: %s", n, diff)
				}
				want := q.week(to.AddDate(0, 0, -7), to, to)
				if n == 1 {
					first := q.passes[0].at
					want.WatchedSince = &first
				} else {
					before := q.week(to.AddDate(0, 0, -14), to.AddDate(0, 0, -7), to)
					want.WeekBefore = &alert.Before{Taken: before.Locks.Taken, Stuck: before.Locks.Stuck, Released: before.Locks.Released, TimeToResolve: before.TimeToResolve}
				}
				locking := week.Locking
				week.Locking = nil // see TestMigration
				if diff := gocmp.Diff(want, week); diff != "" {
					t.Fatalf("week %d: %s", n, diff)
				}
				if locking == nil || locking.Table+locking.Both+locking.Lockfile == 0 || locking.Table+locking.Both+locking.Lockfile > 12 {
					t.Errorf("week %d: %+v", n, locking)
				}
				if len(w.events) != n || w.events[n-1].Type != alert.WeeklyReport || !w.events[n-1].Week.To.Equal(to) {
					t.Fatalf("week %d: %d events", n, len(w.events))
				}
			}
			kept, err := w.reports.Latest(t.Context(), 12)
			w.check(err)
			var newest alert.Week
			w.check(json.Unmarshal(kept[0], &newest))
			if len(kept) != 12 || !newest.To.Equal(w.events[11].Week.To) {
				t.Errorf("%d reports are kept", len(kept))
			}
		})
	}
}
