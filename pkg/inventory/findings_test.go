package inventory_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func seen(ways ...policy.Locking) (all []policy.LockingSeen) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, way := range ways {
		at = at.Add(time.Hour)
		all = append(all, policy.LockingSeen{Locking: way, First: at, Last: at, Locks: 1})
	}
	return all
}

// What is found after a first inventory that finds nothing, of what changes after it.
func TestWhatIsFound(t *testing.T) {
	t.Parallel()
	const (
		mismatch = "digest_mismatch of " + key
		orphan   = "digest_orphan of " + key
		pair     = "duplicate_resource of a.tfstate and b.tfstate"
		arn      = `{"arn":"arn:aws:sqs:eu-west-1:123456789012:jobs","id":"jobs","region":"eu-west-1"}`
	)
	first := stateOf(1, "one")
	for name, tc := range map[string]struct {
		change func(w *world)
		want   string
	}{
		"nothing changed":                   {func(*world) {}, ""},
		"a client wrote state and digest":   {func(w *world) { w.apply(key, stateOf(2, "one")) }, ""},
		"a digest was not written":          {func(w *world) { w.put(key, stateOf(2, "one")) }, mismatch},
		"an older state was put back":       {func(w *world) { w.apply(key, stateOf(5, "one")); w.run(); w.apply(key, stateOf(4, "one")) }, "serial_decreased of " + key},
		"two writers of one serial":         {func(w *world) { w.apply(key, stateOf(1, "one", object("aws_sqs_queue", arn))) }, "serial_reused of " + key},
		"the same bytes again":              {func(w *world) { w.apply(key, first) }, ""},
		"another state took its place":      {func(w *world) { w.apply(key, stateOf(1, "two")) }, "lineage_changed of " + key},
		"a new lineage with a lower serial": {func(w *world) { w.apply(key, stateOf(9, "one")); w.run(); w.apply(key, stateOf(0, "two")) }, "lineage_changed of " + key},
		"a new state after a delete":        {func(w *world) { w.Remove(key); w.apply(key, stateOf(0, "two")) }, ""},
		"a new state after an inventory without": {func(w *world) {
			w.Remove(key)
			w.SetDigest(w.Table, key, "")
			w.run()
			w.apply(key, stateOf(0, "two"))
		}, ""},
		"a state deleted with its digest":           {func(w *world) { w.Remove(key); w.SetDigest(w.Table, key, "") }, ""},
		"a state deleted, and its digest left":      {func(w *world) { w.Remove(key) }, orphan},
		"a digest of an object that is not a state": {func(w *world) { w.SetDigest(w.Table, "notes.txt", "x") }, ""},
		"a digest of a bucket nobody watches":       {func(w *world) { w.digestOf("elsewhere/x.tfstate", "x") }, ""},
		"an encrypted state that is rewritten": {func(w *world) {
			w.apply(key, `{"serial":1,"lineage":"one","meta":{},"encrypted_data":"QUJD","encryption_version":"v0"}`)
			w.run()
			w.apply(key, `{"serial":1,"lineage":"one","meta":{},"encrypted_data":"REVG","encryption_version":"v0"}`)
		}, ""},
		"one queue in two states": {func(w *world) {
			w.put("a.tfstate", stateOf(1, "a", object("aws_sqs_queue", arn)))
			w.put("b.tfstate", stateOf(1, "b", object("aws_sqs_queue", arn)))
		}, pair},
		"the same ID in the same region": {func(w *world) {
			w.put("a.tfstate", stateOf(1, "a", object("aws_route", `{"id":"r-rtb-1","region":"eu-west-1"}`)))
			w.put("b.tfstate", stateOf(1, "b", object("aws_route", `{"id":"r-rtb-1","region":"eu-west-1"}`)))
		}, pair},
		"the same ID in two regions": {func(w *world) {
			w.put("a.tfstate", stateOf(1, "a", object("aws_route", `{"id":"r-rtb-1","region":"eu-west-1"}`)))
			w.put("b.tfstate", stateOf(1, "b", object("aws_route", `{"id":"r-rtb-1","region":"eu-west-2"}`)))
		}, ""},
		"the same ID of two types": {func(w *world) {
			w.put("a.tfstate", stateOf(1, "a", object("aws_route", `{"id":"r-rtb-1","region":"eu-west-1"}`)))
			w.put("b.tfstate", stateOf(1, "b", object("aws_subnet", `{"id":"r-rtb-1","region":"eu-west-1"}`)))
		}, ""},
		"the same ID in an unknown region": {func(w *world) {
			w.put("a.tfstate", stateOf(1, "a", object("aws_route", `{"id":"r-rtb-1"}`)))
			w.put("b.tfstate", stateOf(1, "b", object("aws_route", `{"id":"r-rtb-1"}`)))
		}, ""},
		"empty IDs": {func(w *world) {
			w.put("a.tfstate", stateOf(1, "a", object("aws_route", `{"id":"","region":"eu-west-1"}`)))
			w.put("b.tfstate", stateOf(1, "b", object("aws_route", `{"id":"","region":"eu-west-1"}`)))
		}, ""},
		"one queue in one state twice": {func(w *world) {
			w.put("a.tfstate", stateOf(1, "a", object("aws_sqs_queue", arn), object("aws_sqs_queue", arn)))
		}, ""},
		"a data source of another's queue": {func(w *world) {
			w.put("a.tfstate", stateOf(1, "a", object("aws_sqs_queue", arn)))
			w.put("b.tfstate", stateOf(1, "b", strings.Replace(object("aws_sqs_queue", arn), "managed", "data", 1)))
		}, ""},
		"a queue that was moved": {func(w *world) {
			w.put("a.tfstate", stateOf(1, "a", object("aws_sqs_queue", arn)))
			w.put("b.tfstate", stateOf(1, "b"))
			w.run()
			w.put("a.tfstate", stateOf(2, "a"))
			w.put("b.tfstate", stateOf(2, "b", object("aws_sqs_queue", arn)))
		}, ""},
		"a migration from table to lockfile": {func(w *world) {
			w.locking[w.Path(key)] = seen(policy.ByTable, policy.ByBoth, policy.ByLockfile)
		}, ""},
		"table, lockfile, table": {func(w *world) {
			w.locking[w.Path(key)] = seen(policy.ByTable, policy.ByLockfile, policy.ByTable)
		}, "mixed_locking of " + key},
		"lockfile, table, both, lockfile": {func(w *world) {
			w.locking[w.Path(key)] = seen(policy.ByLockfile, policy.ByTable, policy.ByBoth, policy.ByLockfile)
		}, "mixed_locking of " + key},
		"table, both, table": {func(w *world) {
			w.locking[w.Path(key)] = seen(policy.ByTable, policy.ByBoth, policy.ByTable, policy.ByBoth)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(key, first)
			w.want("at first", w.found(w.run()))
			tc.change(w)
			report := w.run()
			var want []string
			if tc.want != "" {
				want = []string{tc.want}
			}
			w.want("then", w.found(report), want...)
			severity := "warning"
			if strings.HasPrefix(tc.want, "mixed") {
				severity = "critical"
			}
			if tc.want != "" {
				w.want("people", w.news(), "state.finding "+severity+" "+tc.want)
			}
			w.want("people, of what has not changed", func() []string { w.run(); return w.news() }())
		})
	}
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prepare       func(w *world)
		severity, fix string
		column, says  string
	}{
		"a mismatch":                            {func(*world) {}, "warning", "accept_state", "mismatch", "How this state is locked is not known"},
		"another table's digest matches":        {func(w *world) { w.SetDigest(w.Table+"-other", key, sum(stateOf(2, "one"))) }, "info", "accept_state", "ok", "only clients of this table fail"},
		"the path locks by lockfile alone":      {func(w *world) { w.locking[w.Path(key)] = seen(policy.ByTable, policy.ByLockfile) }, "info", "delete_digest", "mismatch", "it is left over"},
		"the path locks in both":                {func(w *world) { w.locking[w.Path(key)] = seen(policy.ByLockfile, policy.ByBoth) }, "warning", "accept_state", "mismatch", "Every run whose client reads digests in this table fails"},
		"the table is one of several that fail": {func(w *world) { w.SetDigest(w.Table+"-other", key, "0123") }, "warning", "accept_state", "mismatch", "If its clients use this table"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(key, stateOf(1, "one"))
			w.put(key, stateOf(2, "one"))
			tc.prepare(w)
			report := w.run()
			if len(report.Findings) != 1 || report.Findings[0].Severity != tc.severity || string(report.Findings[0].Fix.Action) != tc.fix || !strings.Contains(report.Findings[0].Text, tc.says) {
				t.Errorf("%+v", report.Findings)
			}
			if got := w.row(key)["digest"]; got != tc.column {
				t.Errorf("the column says %v", got)
			}
		})
	}
}

// More than ten are one event, which names one of each prefix.
func TestManyFindingsAreOneEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 12 {
		w.SetDigest(w.Table, fmt.Sprintf("team-%d/x.tfstate", n%3), "0123")
		w.SetDigest(w.Table, fmt.Sprintf("team-%d/%d.tfstate", n%3, n), "0123")
	}
	report := w.run()
	if len(report.Findings) != 15 {
		t.Fatalf("%d findings", len(report.Findings))
	}
	if news := w.news(); len(news) != 1 || strings.Count(news[0], "digest_orphan") != 15 {
		t.Errorf("%q", news)
	}
	if since := report.Findings[0].Since; since.IsZero() || w.run().Findings[0].Since != since {
		t.Errorf("since %s, and then another time", since)
	}
	w.want("people", w.news())
}

// One path is looked at by itself: what is wrong elsewhere stays as it was.
func TestOnePath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(key, stateOf(1, "one"))
	w.apply("other/x.tfstate", stateOf(1, "two"))
	w.run()
	w.put(key, stateOf(2, "one"))
	w.put("other/x.tfstate", stateOf(2, "two"))
	w.put("new.tfstate", stateOf(2, "three"))
	report, err := w.inventory(w.config()).Run(context.Background(), inventory.Request{Path: w.Path(key)})
	if err != nil || report.Read != 1 || report.States != 2 {
		t.Fatalf("%+v, %v", report, err)
	}
	w.want("findings", w.found(report), "digest_mismatch of "+key)
	if w.row("other/x.tfstate")["serial"] != 1.0 || w.row(key)["serial"] != 2.0 {
		t.Errorf("%v", w.rows())
	}
	for path, want := range map[string]string{"elsewhere/x.tfstate": "no watched bucket", string(w.Path("x.txt")): "StatePaths"} {
		if _, err := w.inventory(w.config()).Run(context.Background(), inventory.Request{Path: tflock.Path(path)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	w.SetDigest(w.Table, key, "")
	if report, err := w.inventory(w.config()).Run(context.Background(), inventory.Request{Path: w.Path(key)}); err != nil || report.Read != 0 || len(report.Findings) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}
