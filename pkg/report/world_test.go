package report_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/report"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

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
	autoReleases  *ledger.AutoReleases
	witnesses     *ledger.Witnesses
	now, done     time.Time // done: all of the log before it has happened
	events        []alert.Event
	broken        int // publishes that fail from now on
}

func newWorld(t *testing.T, q quarter) *world {
	t.Helper()
	fake := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	client := dynamodb.NewFromConfig(scale.Config(scale.Direct{World: fake}))
	return &world{
		T: t, quarter: q, fake: fake, client: client, now: monday, done: monday, notifications: ledger.NewNotifications(client, "ledger"), releases: ledger.NewReleases(client, "ledger"),
		prunes: ledger.NewPrunes(client, "ledger"), reports: ledger.NewReports(client, "ledger"),
		autoReleases: ledger.NewAutoReleases(client, "ledger"), witnesses: ledger.NewWitnesses(client, "ledger"),
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
		Witnesses: w.witnesses, Plans: w.autoReleases, AutoMode: policy.AutoReport, Findings: w.findings,
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
	compare := ledger.Rules{RemindEvery: 4 * time.Hour, ScanEvery: every, Retention: 30 * 24 * time.Hour}
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
	w.check(w.witnesses.Record(w.Context(), ledger.ObjectEvent{
		Path: tflock.Path(e.path), Sequence: sequence, Removed: e.removed, ETag: e.etag,
		Actor: ledger.Actor{Principal: cmp.Or(e.principal, "AWS:AROAEXAMPLE:"+e.session), Session: e.session, At: e.at},
	}))
}

// plan records what the monitor records of a planned release.
func (w *world) plan(l life) {
	w.Helper()
	w.check(w.autoReleases.RecordPlan(w.Context(), ledger.Key{Path: tflock.Path(l.path), ID: l.id}, nil, ledger.Plan{Mode: policy.AutoReport, Published: l.planned}))
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
