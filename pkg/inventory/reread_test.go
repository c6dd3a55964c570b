package inventory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Only what has another ETag than last time is read: each version that is new once, and one
// list of them.
func TestOnlyChangedStatesAreRead(t *testing.T) {
	t.Parallel()
	w, g := newWorld(t), &guard{}
	run := func() inventory.Report {
		t.Helper()
		report, err := w.inventory(g.config()).Run(context.Background(), inventory.Request{})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	const n = 30
	name := func(i int) string { return fmt.Sprintf("team/%02d.tfstate", i) }
	for i := range n {
		w.apply(name(i), stateOf(1, fmt.Sprint(i)))
	}
	w.put("team/notes.txt", "not a state")
	if report := run(); report.Read != n || report.States != n {
		t.Errorf("%+v", report)
	}
	if reads := g.taken(); len(reads) != n || slices.ContainsFunc(slices.Collect(values(reads)), func(times int) bool { return times != 1 }) {
		t.Errorf("the first run reads %v", reads)
	}
	if report := run(); report.Read != 0 || report.States != n || len(g.taken()) != 0 {
		t.Errorf("nothing changed: %+v", report)
	}
	w.apply(name(3), stateOf(2, "3"))
	w.apply(name(3), stateOf(3, "3"))
	w.apply(name(5), stateOf(1, "5")) // the same bytes again: the ETag is the same, too
	w.Remove(name(7))
	w.SetDigest(w.Table, name(7), "")
	if report := run(); report.Read != 1 || report.States != n-1 {
		t.Errorf("one changed, one is gone: %+v", report)
	}
	if reads := g.taken(); len(reads) != 1 || reads[w.Path(name(3))] != 2 || g.lists != 1 {
		t.Errorf("it reads %v, and lists %d times", reads, g.lists)
	}
	w.apply(name(7), stateOf(1, "7"))
	if report := run(); report.Read != 1 || report.States != n {
		t.Errorf("one is back: %+v", report)
	}
}

// What is wrong and stays as it was is known: no state and no version is read for it again, and no
// digest waited for. What changes of it is read once.
func TestOpenFindingsAreNotReadAgain(t *testing.T) {
	t.Parallel()
	w, g := newWorld(t), &guard{}
	waits := 0
	run := func() inventory.Report {
		t.Helper()
		i := w.inventory(g.config())
		i.Wait = func(_ context.Context, d time.Duration) error {
			if d > 0 {
				waits++
			}
			if d > 0 && d <= 12*time.Second { // clients write the digest after the state, and readers compare for ten seconds
				t.Errorf("it looks again after %s", d)
			}
			return nil
		}
		report, err := i.Run(context.Background(), inventory.Request{})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	queue := object("aws_sqs_queue", `{"arn":"arn:aws:sqs:eu-west-1:123456789012:jobs","id":"jobs"}`)
	first := w.multipart(stateOf(1, "one")) // its ETag is no MD5, so that its versions are read
	w.SetDigest(w.Table, key, sum(stateOf(1, "one")))
	w.multipart(stateOf(2, "one"))
	w.put("a.tfstate", stateOf(1, "a", queue))
	w.put("b.tfstate", stateOf(1, "b", queue))
	w.SetDigest(w.Table, "gone.tfstate", "0123")
	all := []string{mismatched, "digest_orphan of gone.tfstate", "duplicate_resource of a.tfstate and b.tfstate"}
	before := run()
	w.want("at first", w.found(before), all...)
	g.taken()
	g.lists, waits = 0, 0
	for range 2 {
		again := run()
		w.want("again", w.found(again), all...)
		if diff := cmp.Diff(before.Findings, again.Findings); diff != "" {
			t.Error(diff)
		}
	}
	if reads := g.taken(); len(reads) > 0 || g.lists > 0 || waits > 0 {
		t.Errorf("nothing changed, and it reads %v, lists versions %d times, waits %d times", reads, g.lists, waits)
	}
	// Another digest is that of no version; another state has the same digest.
	w.SetDigest(w.Table, key, sum("another"))
	if e := run().Findings[0].Evidence; e.VersionID != "" || e.Digest != sum("another") || waits != 1 {
		t.Errorf("%+v, %d waits", e, waits)
	}
	w.SetDigest(w.Table, key, sum(stateOf(1, "one")))
	newest := w.multipart(stateOf(3, "one"))
	if e := run().Findings[0].Evidence; e.VersionID != first || e.CurrentID != newest {
		t.Errorf("%+v", e)
	}
	w.put("b.tfstate", stateOf(2, "b"))
	w.want("one queue less", w.found(run()), all[:2]...)
}

// The digest of a state that locks by lockfile alone is left over: no version is looked for.
func TestNoVersionIsLookedForWhereADigestIsLeftOver(t *testing.T) {
	t.Parallel()
	w, g := newWorld(t), &guard{}
	w.apply(key, stateOf(1, "one"))
	w.put(key, stateOf(2, "one"))
	w.locking[w.Path(key)] = seen(policy.ByLockfile)
	run := func() policy.StateFinding {
		t.Helper()
		report, err := w.inventory(g.config()).Run(context.Background(), inventory.Request{})
		if err != nil || len(report.Findings) != 1 {
			t.Fatalf("%+v, %v", report, err)
		}
		return report.Findings[0]
	}
	if f := run(); g.lists > 0 || f.Severity != "info" || strings.Contains(f.Text, "version") {
		t.Errorf("%d lists: %+v", g.lists, f)
	}
	// A client locks in the table again, and reads the digest.
	w.locking[w.Path(key)] = seen(policy.ByLockfile, policy.ByTable)
	if f := run(); f.Severity != "warning" || f.Evidence.VersionID == "" {
		t.Errorf("%+v", f)
	}
}

// A store leaves a state out of a listing (SeaweedFS does): the inventory asks for it by its
// name, so that it is neither forgotten nor its findings gone; how it changed meanwhile is found.
func TestAStateThatAListingLeavesOutIsNotGone(t *testing.T) {
	t.Parallel()
	w, g := newWorld(t), &guard{omits: "b.tfstate"}
	queue := object("aws_sqs_queue", `{"arn":"arn:aws:sqs:eu-west-1:123456789012:jobs","id":"jobs"}`)
	w.apply("a.tfstate", stateOf(1, "a", queue))
	w.apply("b.tfstate", stateOf(5, "b", queue))
	w.put("gone.tfstate", stateOf(1, "c"))
	const twice = "duplicate_resource of a.tfstate and b.tfstate"
	w.want("at first", w.found(w.run()), twice)
	w.news()
	w.Remove("gone.tfstate")
	run := func() inventory.Report {
		t.Helper()
		report, err := w.inventory(g.config()).Run(context.Background(), inventory.Request{})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	if report := run(); report.States != 2 || report.Read != 0 || !g.omitted {
		t.Errorf("it is left out: %+v", report)
	}
	w.want("people", w.news())
	w.apply("b.tfstate", stateOf(4, "b", queue))
	w.want("it changed, and is left out", w.found(run()), twice, "serial_decreased of b.tfstate")
	w.want("people", w.news(), "state.finding warning serial_decreased of b.tfstate")
	if row := w.row("b.tfstate"); row["serial"] != 4.0 {
		t.Errorf("%v", row)
	}
}
