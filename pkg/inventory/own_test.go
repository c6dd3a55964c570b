package inventory_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// restore has the repair function make a version the newest, over that wire.
func (w *world) restore(wire *local.Wire, version string, at time.Time) (repair.Answer, error) {
	w.Helper()
	cfg := server.ConfigOver(wire)
	set, err := w.Open(cfg)
	if err != nil {
		w.Fatal(err)
	}
	r := repair.Repairer{
		Stores: set, Records: ledger.NewRepairs(dynamodb.NewFromConfig(cfg), w.Ledger), History: w,
		Composer: alert.Composer{Account: "123456789012", Region: local.Region}, Topic: alert.NewTopic(sns.NewFromConfig(cfg), w.Topic),
		Now: func() time.Time { return at }, Log: slog.New(slog.DiscardHandler),
	}
	return r.Run(context.Background(), repair.Request{Path: w.Path(key), Action: policy.RestoreVersion, VersionID: version, Reason: "test", RequestedBy: "ana"}, "request")
}

func (w *world) mustRestore(version string, at time.Time) {
	w.Helper()
	if answer, err := w.restore(&local.Wire{}, version, at); err != nil || answer.Outcome != repair.Repaired {
		w.Fatalf("%+v, %v", answer, err)
	}
}

// dying is a wire that a repair dies at once it has written the state.
func dying() *local.Wire {
	puts := 0
	return &local.Wire{Refuse: func(call string) bool {
		if call == http.MethodPut { // its lock, twice, and then the state
			puts++
			return puts > 3
		}
		return puts >= 3
	}}
}

// runOwn makes an inventory that knows the records of our repairs.
func (w *world) runOwn() inventory.Report {
	w.Helper()
	i := w.inventory(server.Config())
	i.Own = ledger.NewRepairs(dynamodb.NewFromConfig(server.Config()), w.Ledger)
	report, err := i.Run(context.Background(), inventory.Request{})
	if err != nil {
		w.Fatal(err)
	}
	return report
}

// On-call restores an older version of a state, and its team applies again: no message
// says that somebody put an older state over a newer one. What others did after the restore
// is found all the same.
func TestOurOwnRepairIsNotAnOlderStateOverANewerOne(t *testing.T) {
	t.Parallel()
	restored := stateOf(4, "one")
	queue := object("aws_sqs_queue", `{"arn":"arn:aws:sqs:eu-west-1:123456789012:jobs","id":"jobs"}`)
	for name, tc := range map[string]struct {
		then func(w *world, version string)
		want string
	}{
		"a restore":               {func(w *world, version string) { w.mustRestore(version, w.now()) }, ""},
		"a restore, and an apply": {func(w *world, version string) { w.mustRestore(version, w.now()); w.apply(key, stateOf(5, "one")) }, ""},
		"a restore, and two applies": {func(w *world, version string) {
			w.mustRestore(version, w.now())
			w.apply(key, stateOf(5, "one"))
			w.apply(key, stateOf(6, "one"))
		}, ""},
		"a restore that died with its record": {func(w *world, version string) { _, _ = w.restore(dying(), version, w.now()) }, ""},
		"a restore that died, and an apply by a client that had force-unlocked": {func(w *world, version string) {
			_, _ = w.restore(dying(), version, w.now())
			w.apply(key, stateOf(5, "one"))
		}, ""},
		"a restore that died and was repeated, and an apply": {func(w *world, version string) {
			_, _ = w.restore(dying(), version, w.now())
			w.mustRestore(version, w.now().Add(20*time.Minute))
			w.apply(key, stateOf(5, "one"))
		}, ""},
		"an older state over the restored one": {func(w *world, version string) {
			w.mustRestore(version, w.now())
			w.apply(key, stateOf(3, "one"))
		}, "serial_decreased of " + key},
		"another writer of the restored serial": {func(w *world, version string) {
			w.mustRestore(version, w.now())
			w.apply(key, stateOf(4, "one", queue))
		}, "serial_reused of " + key},
		"two writers before a restore": {func(w *world, version string) {
			w.apply(key, stateOf(10, "one"))
			w.apply(key, stateOf(10, "one", queue))
			w.mustRestore(version, w.now())
		}, "serial_reused of " + key},
		"a restore, and two writers after it": {func(w *world, version string) {
			w.mustRestore(version, w.now())
			w.apply(key, stateOf(5, "one"))
			w.apply(key, stateOf(5, "one", queue))
			w.apply(key, stateOf(6, "one"))
		}, "serial_reused of " + key},
		"an older state without a repair": {func(w *world, _ string) { w.apply(key, restored) }, "serial_decreased of " + key},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			version := w.apply(key, restored)
			w.apply(key, stateOf(9, "one"))
			w.runOwn()
			tc.then(w, version)
			report := w.runOwn()
			var found []string
			for _, f := range w.found(report) {
				if !strings.HasPrefix(f, "digest_") { // a restore that died may have left none, or one that nobody checks
					found = append(found, f)
				}
			}
			if tc.want == "" {
				w.want("findings", found)
				return
			}
			w.want("findings", found, tc.want)
			before := report.Findings[0].Evidence.Before
			if strings.Contains(name, "restored") && (before.VersionID == version || before.Serial == nil || *before.Serial != 4) {
				t.Errorf("it was compared with %+v, and not with the version that was restored", before)
			}
		})
	}
}

// An inventory runs while a repair is between its write of the state and its record's end.
func TestAnInventoryDuringARepair(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	version := w.apply(key, stateOf(4, "one"))
	w.apply(key, stateOf(9, "one"))
	w.runOwn()
	puts, ran := 0, false
	wire := &local.Wire{Before: func(call string) {
		if call == http.MethodPut {
			puts++
		} else if puts == 3 && !ran { // the state is written
			ran = true
			w.want("meanwhile", w.found(w.runOwn()))
		}
	}}
	if answer, err := w.restore(wire, version, w.now()); err != nil || answer.Outcome != repair.Repaired || !ran {
		t.Fatalf("%+v, %v, ran %v", answer, err, ran)
	}
	w.want("afterwards", w.found(w.runOwn()))
}

// sessions are witnesses of who held the lock of a state, by time.
type sessions func(at time.Time) string

func (s sessions) Holder(_ context.Context, _ tflock.Path, at time.Time) (ledger.Hold, error) {
	return ledger.Hold{By: s(at), Since: time.Now()}, nil // each lock is another one
}

// A client writes without a lock while another one holds it: the holder is not named as the
// writer of both versions.
func TestTheHolderOfALockIsNotBothWriters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(key, stateOf(5, "one"))
	w.run()
	w.apply(key, stateOf(6, "one"))
	w.apply(key, stateOf(6, "one", object("aws_eip", `{"id":"x"}`)))
	i := w.inventory(server.Config())
	i.Writers = held{By: "gh-ana", Since: time.Now().Add(-time.Minute)}
	report, err := i.Run(context.Background(), inventory.Request{})
	if err != nil || len(report.Findings) != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	f := report.Findings[0]
	if f.Evidence.Before.WrittenBy != "" || f.Evidence.After.WrittenBy != "" || f.Evidence.LockOf != "gh-ana" || !strings.Contains(f.Text, "Both were written while gh-ana held the lock") {
		t.Errorf("%+v", f)
	}
}

// held is a lock that is there all the time.
type held ledger.Hold

// Holder returns that lock.
func (h held) Holder(context.Context, tflock.Path, time.Time) (ledger.Hold, error) {
	return ledger.Hold(h), nil
}

// times are when versions of a state were written.
func (w *world) times() map[string]time.Time {
	w.Helper()
	set, err := backend.Open(server.Config(), nil, []string{w.BucketARN})
	if err != nil {
		w.Fatal(err)
	}
	versions, err := set.Buckets[0].History(context.Background(), w.Path(key), "")
	if err != nil {
		w.Fatal(err)
	}
	all := map[string]time.Time{}
	for _, v := range versions {
		all[v.ID] = v.Modified
	}
	return all
}

// A mismatch and two writers name who wrote each version, where a witness saw its lock.
func TestFindingsNameWhoWroteEachVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.apply(key, stateOf(1, "one"))
	time.Sleep(1100 * time.Millisecond) // S3 has whole seconds
	run := func() policy.StateFinding {
		t.Helper()
		i := w.inventory(server.Config())
		written := w.times()
		i.Writers = sessions(func(at time.Time) string {
			if at.Equal(written[ana]) {
				return "gh-ana"
			}
			return "gh-ben"
		})
		report, err := i.Run(context.Background(), inventory.Request{})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Findings) == 0 {
			return policy.StateFinding{}
		}
		return report.Findings[0]
	}
	run()
	ben := w.apply(key, stateOf(1, "one", object("aws_sqs_queue", `{"arn":"arn:aws:sqs:eu-west-1:123456789012:jobs","id":"jobs"}`)))
	f := run()
	if f.Type != policy.FindingSerialReused || f.Evidence.Before.WrittenBy != "gh-ana" || f.Evidence.After.WrittenBy != "gh-ben" || f.Evidence.Before.VersionID != ana || f.Evidence.After.VersionID != ben {
		t.Errorf("%+v, %+v, %+v", f, f.Evidence.Before, f.Evidence.After)
	}
	if !strings.Contains(f.Text, "("+ana+") by gh-ana") || !strings.Contains(f.Text, "("+ben+") by gh-ben") {
		t.Error(f.Text)
	}
	w.SetDigest(w.Table, key, sum(stateOf(1, "one")))
	f = run()
	if e := f.Evidence; f.Type != policy.FindingDigestMismatch || e.VersionID != ana || e.WrittenBy != "gh-ana" || e.CurrentID != ben || e.CurrentBy != "gh-ben" {
		t.Errorf("%+v", f)
	}
	if !strings.Contains(f.Text, "("+ana+", by gh-ana)") || !strings.Contains(f.Text, "("+ben+", by gh-ben), was not recorded") {
		t.Error(f.Text)
	}
}
