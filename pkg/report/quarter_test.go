package report_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
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
				Type:     []policy.Problem{policy.FindingDigestMismatch, policy.FindingMixedLocking, policy.FindingSerialReused}[random.IntN(3)],
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

// taken is the last inventory before a moment.
func (q quarter) taken(before time.Time) (last taking, ran bool) {
	for _, t := range q.takes {
		if t.at.Before(before) {
			last, ran = t, true
		}
	}
	return last, ran
}
