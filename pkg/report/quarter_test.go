package report_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
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
	by                       string    // who released it through us; empty: nobody did
	recorded                 time.Time // when that is on record
	planned                  time.Time // its release was planned in report mode; zero: never
	objectGone               time.Time // where its row outlived its object
}

func (l life) etag() string { return "etag-" + l.id }

// event is what S3 says of a lock object, and when that arrives. A lost one arrives never.
type event struct {
	path, etag, session string
	principal           string // empty: that of the session
	removed             bool
	at, delivered       time.Time
}

// taking is one inventory of the log.
type taking struct {
	at    time.Time
	found []policy.StateFinding
}

// pass is one scan of the log.
type pass struct {
	at      time.Time
	failed  map[string]bool // stores
	lasts   time.Duration   // from its end until it is recorded: it publishes before
	watched []string        // nil: both stores

	unpublished bool // people could not be notified
}

func (p pass) end() time.Time { return p.at.Add(2 * time.Second) }

func (p pass) recorded() time.Time { return p.end().Add(p.lasts) }

var storeOf = map[tflock.Kind]string{tflock.DynamoDB: table, tflock.S3: bucket}

// quarter is thirteen weeks, as they were.
type quarter struct {
	lives  []life
	passes []pass
	events []event
	prunes []ledger.PruneRun
	takes  []taking
	tries  []time.Time // refused lock attempts
	seen   *sights
}

// sights are what scans had seen of each lock up to a moment: it is computed once.
type sights struct {
	until time.Time
	locks []sighted // those without an end of their first scan were not seen
}

// upTo are the sights of all locks up to a moment.
func (q quarter) upTo(until time.Time) []sighted {
	if q.seen.until.Equal(until) {
		return q.seen.locks
	}
	*q.seen = sights{until: until}
	for _, l := range q.lives {
		s, _ := q.see(l, until)
		q.seen.locks = append(q.seen.locks, s)
	}
	return q.seen.locks
}

// newQuarter draws one.
func newQuarter(random *rand.Rand) quarter {
	q := quarter{seen: &sights{}}
	end := monday.AddDate(0, 0, 7*13)
	down := monday.Add(time.Duration(random.IntN(7*24*12)) * time.Hour) // from then on the monitor does not run for some days
	up := down.Add(time.Duration(random.IntN(20*24)) * time.Hour)
	for at := monday.Add(time.Minute); at.Before(end); at = at.Add(every) {
		if random.IntN(30) == 0 || (at.After(down) && at.Before(up)) {
			continue // the monitor did not run
		}
		p := pass{at: at.Add(time.Duration(random.IntN(600)) * time.Second), failed: map[string]bool{}, lasts: time.Duration(random.IntN(14*60)) * time.Second}
		for _, store := range []string{table, bucket} {
			p.failed[store] = random.IntN(12) == 0
		}
		q.passes = append(q.passes, p)
	}
	q.passes[0].failed = nil
	until := map[string]time.Time{} // by path: a state has one lock at a time
	for i := range 1500 {
		taken := monday.Add(end.Sub(monday) / 1500 * time.Duration(i)).Add(time.Duration(random.IntN(600)) * time.Second)
		held := time.Duration(random.Int64N(int64(5*time.Hour/time.Second))) * time.Second
		if random.IntN(5) == 0 {
			held *= 12
		}
		l := life{
			path: fmt.Sprintf("states/%d/terraform.tfstate", random.IntN(24)), id: strconv.Itoa(i), who: []string{"ana@laptop", "runner@ci", "bob@desk"}[random.IntN(3)],
			operation: []string{"OperationTypePlan", "OperationTypeApply"}[random.IntN(2)], taken: taken, ended: taken.Add(held),
			kinds: [][]tflock.Kind{{tflock.DynamoDB}, {tflock.S3}, {tflock.DynamoDB, tflock.S3}}[random.IntN(3)],
		}
		if !taken.After(until[l.path]) {
			continue
		}
		until[l.path] = l.ended
		switch {
		case held > threshold && random.IntN(3) == 0:
			l.by = []string{"ana", "bob", "lockwarden-auto"}[random.IntN(3)]
		case random.IntN(20) == 0:
			l.by = "lockwarden-auto" // before it counts as stuck
		case random.IntN(10) == 0:
			l.planned = taken.Add(held / 2)
		}
		l.recorded = l.ended.Add(time.Duration(random.IntN(300)) * time.Second)
		q.lives = append(q.lives, l)
		q.witness(random, l)
	}
	for at := monday.Add(9 * time.Hour); at.Before(end); at = at.Add(time.Duration(20+random.IntN(240)) * time.Hour) {
		t := taking{at: at}
		for range random.IntN(4) {
			t.found = append(t.found, policy.StateFinding{
				Type:     []policy.Problem{policy.DigestMismatched, policy.MixedLocking, policy.SerialReused}[random.IntN(3)],
				Severity: []string{policy.SeverityCritical, policy.SeverityWarning, policy.SeverityInfo}[random.IntN(3)], Text: "x",
			})
		}
		q.takes = append(q.takes, t)
	}
	for at := monday.Add(20 * time.Hour); at.Before(end); at = at.AddDate(0, 0, 4+random.IntN(8)) {
		run := ledger.PruneRun{At: at, Pruned: random.IntN(5), Abandoned: random.IntN(9), StoppedEarly: random.IntN(2) == 0}
		if n := len(q.prunes); n > 0 {
			run.Continued = q.prunes[n-1].StoppedEarly
			run.StoppedEarly = run.StoppedEarly && (!run.Continued || !q.prunes[n-1].Continued) // three parts at most
		}
		if run.StoppedEarly {
			run.Again = random.IntN(run.Abandoned + 1)
		}
		q.prunes = append(q.prunes, run)
	}
	for range 400 {
		q.tries = append(q.tries, monday.Add(time.Duration(random.Int64N(int64(end.Sub(monday))))))
	}
	return q
}

// witness draws what S3 says of a lock's object: mostly late, and sometimes never.
func (q *quarter) witness(random *rand.Rand, l life) {
	if !slices.Contains(l.kinds, tflock.S3) {
		return
	}
	created := event{path: l.path, etag: l.etag(), session: "gh-84213377-1" + l.id, at: l.taken}
	removed := event{path: l.path, session: created.session, removed: true, at: l.ended}
	switch {
	case l.by != "":
		removed.session = "lockwarden-unlock"
	case random.IntN(3) == 0:
		removed.session = []string{"carl@example.com", "dora@example.com"}[random.IntN(2)]
	}
	for _, e := range []event{created, removed} {
		if random.IntN(12) != 0 {
			e.delivered = e.at.Add(time.Duration(random.IntN(7200)) * time.Second)
		}
		q.events = append(q.events, e)
	}
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
	fake          *scale.World
	client        *dynamodb.Client
	notifications *ledger.Notifications
	releases      *ledger.Releases
	prunes        *ledger.Prunes
	reports       *ledger.Reports
	autos         *ledger.Autos
	witnesses     *ledger.Witnesses
	now, done     time.Time // done: all of the log before it has happened
	events        []alert.Event
	broken        int // publishes that fail from now on
}

func newWorld(t *testing.T, q quarter) *world {
	t.Helper()
	fake := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	client := dynamodb.NewFromConfig(aws.Config{Region: scale.Region, HTTPClient: scale.Direct{World: fake}, Credentials: aws.AnonymousCredentials{}})
	return &world{
		T: t, quarter: q, fake: fake, client: client, now: monday, done: monday, notifications: ledger.NewNotifications(client, "ledger"), releases: ledger.NewReleases(client, "ledger"),
		prunes: ledger.NewPrunes(client, "ledger"), reports: ledger.NewReports(client, "ledger"),
		autos: ledger.NewAutos(client, "ledger"), witnesses: ledger.NewWitnesses(client, "ledger"),
	}
}

// findings is the file of the last inventory.
func (w *world) findings(context.Context) (io.ReadCloser, time.Time, error) {
	last, ran := w.taken(w.now)
	if !ran {
		return nil, time.Time{}, backend.ErrGone
	}
	var lines bytes.Buffer
	for _, f := range last.found {
		if err := json.NewEncoder(&lines).Encode(f); err != nil {
			return nil, time.Time{}, err
		}
	}
	return io.NopCloser(&lines), last.at, nil
}

// taken is the last inventory before a moment.
func (q quarter) taken(before time.Time) (last taking, ran bool) {
	for _, t := range q.takes {
		if t.at.Before(before) {
			last, ran = t, true
		}
	}
	return last, ran
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
		Scans: w.notifications, ScanEvery: every, History: ledger.NewHistory(w.client, "ledger"), Releases: w.releases, Prunes: w.prunes, Reports: w.reports,
		Witnesses: w.witnesses, Plans: w.autos, AutoMode: policy.AutoReport, Findings: w.findings,
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
	found := &scan.Scan{Started: p.at, Ended: p.end(), Watched: p.watched, Failures: map[string]scan.Failure{}}
	if p.watched == nil {
		found.Watched = []string{table, bucket}
	}
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
			gone := kind == tflock.S3 && !l.objectGone.IsZero() && !l.objectGone.After(p.at)
			if slices.Contains(found.Watched, storeOf[kind]) && !p.failed[storeOf[kind]] && !gone {
				h := tflock.Holding{Kind: kind, Store: storeOf[kind], Path: tflock.Path(l.path), Info: info}
				if kind == tflock.S3 {
					h.ETag = `"` + l.etag() + `"`
				}
				c.Holdings = append(c.Holdings, h)
			}
		}
		if len(c.Holdings) == 0 {
			continue
		}
		c.Seen = lease.Memory.Sighting(c.Lock, func(store string) string { return found.Unknown(c.Path, store) })
		c.Judge(rules, found.Ended)
		found.Worst = append(found.Worst, c)
	}
	compare := ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: every, Keep: 30 * 24 * time.Hour}
	steps := ledger.Compare(lease.Memory, found, compare)
	if p.unpublished {
		var unnotified []ledger.Step
		for s := range steps {
			unnotified = append(unnotified, s.Unnotified())
		}
		steps = slices.Values(unnotified)
	}
	w.check(lease.Record(w.Context(), steps))
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

// deliver records an event of S3 as the witness function does.
func (w *world) deliver(e event) {
	w.Helper()
	sequence, err := ledger.ParseSequence(fmt.Sprintf("%016X", e.at.UnixNano()))
	w.check(err)
	w.check(w.witnesses.Keep(w.Context(), ledger.ObjectEvent{
		Path: tflock.Path(e.path), Sequence: sequence, Removed: e.removed, ETag: e.etag,
		Actor: ledger.Actor{Principal: cmp.Or(e.principal, "AWS:AROAEXAMPLE:"+e.session), Session: e.session, At: e.at},
	}))
}

// plan records what the monitor records of a planned release.
func (w *world) plan(l life) {
	w.Helper()
	w.check(w.autos.Planned(w.Context(), ledger.Key{Path: tflock.Path(l.path), ID: l.id}, nil, ledger.Plan{Mode: policy.AutoReport, Published: l.planned}))
}

// expire deletes what DynamoDB would have deleted by now.
func (w *world) expire() {
	w.Helper()
	for _, kind := range []string{"past", "prune-run", "report", "planned", "witness", "object-event"} {
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
		add(p.recorded(), func() { w.scan(p) })
	}
	for _, l := range w.lives {
		if l.by != "" {
			add(l.recorded, func() { w.release(l) })
		}
		if !l.planned.IsZero() {
			add(l.planned, func() { w.plan(l) })
		}
	}
	for _, e := range w.quarter.events {
		if !e.delivered.IsZero() {
			add(e.delivered, func() { w.deliver(e) })
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
	last               time.Time // start of the last scan that read a store of it while it was not gone
	kinds              []tflock.Kind
	settled            bool // how it was locked is certain
}

// see goes through the log for one lock.
func (q quarter) see(l life, until time.Time) (s sighted, seen bool) {
	s.life = l
	scans, whole := 0, false // that saw it; whether the last scan read everything
	for _, p := range q.passes {
		if !p.recorded().Before(until) || p.at.Before(l.taken) {
			continue
		}
		if s.reads(p) && (!l.ended.Before(p.at) || s.fails(p)) {
			s.last = p.at
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
			whole = !p.failed[table] && !p.failed[bucket]
			if !glimpse {
				continue
			}
			scans++
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
			s.gone, s.settled = p.end(), scans > 1 && whole
			break
		}
		whole = !p.failed[table] && !p.failed[bucket]
	}
	s.settled = s.settled || len(s.kinds) == 2
	return s, !s.first.IsZero()
}

// seen is the last time at which a scan saw it for certain.
func (s sighted) seen() time.Time {
	if s.last.After(s.first) {
		return s.last
	}
	return s.first
}

// reads says whether a scan read a store that the lock was seen in; fails whether it could
// not read one.
func (s sighted) reads(p pass) bool {
	return slices.ContainsFunc(s.kinds, func(kind tflock.Kind) bool { return !p.failed[storeOf[kind]] })
}

func (s sighted) fails(p pass) bool {
	return slices.ContainsFunc(s.kinds, func(kind tflock.Kind) bool { return p.failed[storeOf[kind]] })
}

// remover is who removed a lock that was not released through us, as far as S3's events say
// by then.
func (q quarter) remover(s sighted, until time.Time) alert.Releaser {
	unknown := alert.Releaser{Who: "unknown", How: alert.ByUnknown}
	var created, next event
	for _, e := range q.events {
		if e.path != s.path || e.delivered.IsZero() || !e.delivered.Before(until) {
			continue
		}
		switch {
		case e.etag == s.etag():
			created = e
		case e.at.After(s.taken) && (next.at.IsZero() || e.at.Before(next.at)):
			next = e
		}
	}
	switch {
	case !slices.Contains(s.kinds, tflock.S3), created.at.IsZero(), !next.removed, next.at.After(s.gone.Add(time.Minute)), next.at.Before(s.seen().Add(-time.Second)):
		return unknown
	case next.session == created.session:
		return alert.Releaser{Who: "holder", How: alert.ByHolder}
	default:
		return alert.Releaser{Who: next.session, How: alert.BySomebodyElse}
	}
}

// week computes the figures of one week from the log alone.
func (q quarter) week(from, to time.Time, until time.Time) (w alert.Week) {
	in := func(t time.Time) bool { return !t.IsZero() && !t.Before(from) && t.Before(to) }
	taken, stuck := 0, 0
	count := func(s sighted) { // a release
		switch {
		case s.stuck.IsZero():
			w.Locks.ReleasedFresh++
		case s.stuck.Before(from):
			w.Locks.StuckBefore++
		}
	}
	var held, plans time.Duration
	var resolved, automatic, byHand []time.Duration
	last := map[string]sighted{} // by path: the lock that says how it is locked
	paths, people, by := map[string]int{}, map[string]int{}, map[alert.Releaser]int{}
	for _, s := range q.upTo(until) {
		l, seen := s.life, !s.first.IsZero()
		if l.by != "" && in(l.ended) && l.recorded.Before(until) {
			how := alert.ByLockwarden
			if l.by == "lockwarden-auto" {
				how = alert.Automatically
			}
			by[alert.Releaser{Who: l.by, How: how}]++
			count(s)
		}
		if !seen {
			continue
		}
		if in(s.first) {
			taken++
			if other, known := last[l.path]; !known || (s.settled && !other.settled) || (s.settled == other.settled && s.first.After(other.first)) {
				last[l.path] = s
			}
		}
		if in(s.stuck) {
			stuck++
			paths[l.path]++
			people[l.who]++
		}
		released := l.by != "" && l.recorded.Before(until)
		end, missed := s.gone, false
		if end.IsZero() {
			end = q.sightOf(s, until)
			switch {
			case s.stuck.IsZero() || released:
			case end.Equal(until):
				w.Locks.StuckNow++
			default:
				w.Locks.StuckUnread++
			}
		} else if seen := s.seen(); end.Sub(seen) > 3*every { // it ended while no scan looked
			end, missed = seen.Add(every), true
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
		if in(s.gone) && l.by == "lockwarden-auto" && !missed {
			automatic = append(automatic, s.gone.Sub(l.taken))
		}
		if in(s.gone) && !s.stuck.IsZero() {
			if !missed {
				resolved = append(resolved, s.gone.Sub(l.taken))
			}
			remover := q.remover(s, until)
			if l.by == "" {
				by[remover]++
				count(s)
			}
		}
		if in(s.gone) && (l.by == "ana" || l.by == "bob") && !missed {
			byHand = append(byHand, s.gone.Sub(l.taken))
		}
	}
	w.From, w.To = from, to
	w.Locks.Taken, w.Locks.Stuck, w.Locks.ReleasedBy = &taken, &stuck, []alert.Releaser{}
	for r, n := range by {
		r.Count = n
		w.Locks.Released += n
		w.Locks.ReleasedBy = append(w.Locks.ReleasedBy, r)
	}
	slices.SortFunc(w.Locks.ReleasedBy, func(a, b alert.Releaser) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.How, b.How), cmp.Compare(a.Who, b.Who))
	})
	w.TimeToResolve = middle(resolved)
	if len(automatic) > 0 {
		w.ResolvedBy = &alert.ResolvedBy{Automatic: &alert.CountedResolve{Count: len(automatic), Resolve: *middle(automatic)}}
		if len(byHand) > 0 {
			w.ResolvedBy.ByHand = &alert.CountedResolve{Count: len(byHand), Resolve: *middle(byHand)}
		}
	}
	planned := 0
	for _, l := range q.lives {
		if in(l.planned) {
			planned++
		}
	}
	w.PlannedReleases = &planned
	for _, s := range last {
		if w.Locking == nil {
			w.Locking = &alert.Migration{}
		}
		switch {
		case len(s.kinds) == 2:
			w.Locking.Both++
		case s.kinds[0] == tflock.S3:
			w.Locking.Lockfile++
		default:
			w.Locking.Table++
		}
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
	found := 0 // before the mark, since the last prune that began at the first state
	for _, run := range q.prunes {
		if !run.Continued {
			found = 0
		}
		if in(run.At) {
			if w.States == nil {
				w.States = &alert.WeekStates{}
			}
			w.States.Pruned, w.States.Abandoned, w.States.AtLeast = w.States.Pruned+run.Pruned, found+run.Abandoned, run.StoppedEarly
		}
		found += run.Abandoned - run.Again
	}
	return w
}

// open computes what the last inventory found, less what only happened. A report names the
// findings that are open when it is made, not those of the end of its week: an inventory may
// run in the very second in which a report is due.
func (q quarter) open(from, now time.Time) (*int, *alert.FindingCounts) {
	last, ran := q.taken(now)
	if !ran || last.at.Before(from) {
		return nil, nil
	}
	var counts alert.FindingCounts
	for _, f := range last.found {
		switch {
		case f.Type == policy.SerialReused:
		case f.Severity == policy.SeverityCritical:
			counts.Critical++
		case f.Severity == policy.SeverityWarning:
			counts.Warning++
		default:
			counts.Info++
		}
	}
	open := counts.Critical + counts.Warning + counts.Info
	return &open, &counts
}

func middle(held []time.Duration) *alert.Resolve {
	n := len(held)
	if n == 0 {
		return nil
	}
	slices.Sort(held)
	median := held[n/2]
	if n%2 == 0 {
		median = (median + held[n/2-1]) / 2
	}
	return &alert.Resolve{MedianSeconds: int64(median / time.Second), LongestSeconds: int64(held[n-1] / time.Second)}
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
	for _, seed := range []uint64{1, 5043, 1795872534363047748} {
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
				want := q.report(to, w.now)
				if diff := gocmp.Diff(want, week); diff != "" {
					t.Fatalf("week %d: %s", n, diff)
				}
				if len(w.events) != n || w.events[n-1].Type != alert.WeeklyReport || !w.events[n-1].Week.To.Equal(want.To) {
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
