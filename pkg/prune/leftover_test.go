package prune_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Only a lock of ours whose invocation is dead is a leftover.
func TestLeftovers(t *testing.T) {
	for name, tc := range map[string]struct {
		who, operation, request string
		deadline                time.Duration // from now; 0: it names none
		cleared                 bool
	}{
		"of the same request":                     {"lockwarden-prune@lambda", "lockwarden-prune", "request", time.Hour, true},
		"of another request, past its deadline":   {"lockwarden-prune@lambda", "lockwarden-prune", "other", -time.Hour, true},
		"of a restore, past its deadline":         {"lockwarden-prune@lambda", "lockwarden-restore", "other", -time.Hour, true},
		"of another request that may be alive":    {"lockwarden-prune@lambda", "lockwarden-prune", "other", time.Hour, false},
		"within the difference of two clocks":     {"lockwarden-prune@lambda", "lockwarden-prune", "other", -time.Second, false},
		"without a request, of one without":       {"lockwarden-prune@lambda", "lockwarden-prune", "", time.Hour, false},
		"somebody else's with our operation":      {"me@host", "lockwarden-prune", "request", -time.Hour, false},
		"ours by name, with a client's operation": {"lockwarden-prune@lambda", "OperationTypeApply", "request", -time.Hour, false},
		"ours by name, that names no deadline":    {"lockwarden-prune@lambda", "lockwarden-prune", "other", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			says := map[string]any{"request_id": tc.request}
			if tc.deadline != 0 {
				says["deadline"] = time.Now().Add(tc.deadline).UTC()
			}
			note, _ := json.Marshal(says)
			raw, err := tflock.Info{ID: "x", Operation: tc.operation, Info: string(note), Who: tc.who, Created: time.Now().Add(-time.Minute).UTC(), Path: string(w.Path(key))}.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range w.Set.All() {
				if _, err := s.Acquire(t.Context(), w.Path(key), raw); err != nil {
					t.Fatal(err)
				}
			}
			request := "request"
			if tc.request == "" {
				request = ""
			}
			report, err := w.run(&local.Wire{}, prune.Request{}, request)
			if err != nil {
				t.Fatal(err)
			}
			if pruned := len(report.Pruned) == 1; pruned != tc.cleared || (len(w.held()) == 0) != tc.cleared {
				t.Errorf("held %v, %+v", w.held(), report)
			}
			if !tc.cleared && report.Kept[0].Reason != policy.KeptLocked {
				t.Errorf("got %+v", report.Kept)
			}
		})
	}
}

// A dead run of ours has left its lock object, and a client has the row alone: our leftover is cleared, and the
// client's row is not.
func TestAClientsRowBesideALeftover(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	note, _ := json.Marshal(map[string]any{"request_id": "dead", "deadline": time.Now().Add(-time.Hour).UTC()})
	raw, err := tflock.Info{ID: "x", Operation: "lockwarden-prune", Info: string(note), Who: "lockwarden-prune@lambda", Created: time.Now().Add(-time.Hour).UTC(), Path: string(w.Path(key))}.Marshal()
	if err == nil {
		_, err = w.Set.Buckets[0].Acquire(t.Context(), w.Path(key), raw)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Lock(key, "client", w.Set.Tables[1])
	report := w.prune()
	if len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptLocked || !strings.Contains(report.Kept[0].Why, "me@host") {
		t.Errorf("%+v", report)
	}
	if held := w.held(); !slices.Equal(held, []string{"dynamodb " + key + " me@host"}) || !w.Readable(key) {
		t.Errorf("held %q", held)
	}
}

// A prune died, its locks are gone, and a repair is at work on the state by now. Whatever that prune has on
// record, the next one leaves the repair its lock.
func TestARepairAtWorkAfterADeadPrune(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	var dead atomic.Bool
	wire := &local.Wire{Refuse: func(call string) bool {
		if strings.HasSuffix(call, ".DeleteItem") {
			dead.Store(true)
		}
		return dead.Load()
	}}
	_, _ = w.run(wire, prune.Request{}, "first")
	for _, s := range w.Set.All() {
		for h, err := range s.Holdings(t.Context()) {
			if err == nil {
				err = s.Release(t.Context(), h)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	w.later(20 * time.Minute)
	note, _ := json.Marshal(map[string]any{"request_id": "repair", "deadline": w.now().Add(time.Minute).UTC()})
	raw, err := tflock.Info{ID: "x", Operation: "lockwarden-repair", Info: string(note), Who: "lockwarden-repair@lambda", Created: w.now().UTC(), Path: string(w.Path(key))}.Marshal()
	for _, s := range w.Set.All() {
		if err == nil {
			_, err = s.Acquire(t.Context(), w.Path(key), raw)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	held := w.held()
	report := w.prune()
	if len(held) != 3 || !slices.Equal(w.held(), held) || len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptLocked {
		t.Errorf("held %q, then %q; %+v", held, w.held(), report)
	}
}

// A run that was given no deadline dies with its locks. It counts as alive for as long as a Lambda may live,
// and its locks are leftovers from then on.
func TestARunWithoutADeadline(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	var dead atomic.Bool
	wire := &local.Wire{Refuse: func(call string) bool {
		if strings.HasSuffix(call, ".DeleteItem") {
			dead.Store(true)
		}
		return dead.Load()
	}}
	_, _ = w.run(wire, prune.Request{}, "first")
	held := w.held()
	if len(held) == 0 {
		t.Fatal("the run that died left no lock")
	}
	w.later(10 * time.Minute)
	if report, err := w.run(&local.Wire{}, prune.Request{}, "second"); err != nil || len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptLocked || !slices.Equal(w.held(), held) {
		t.Errorf("after ten minutes: %+v, %v; held %q", report, err, w.held())
	}
	w.later(10 * time.Minute)
	if report, err := w.run(&local.Wire{}, prune.Request{}, "third"); err != nil || len(report.Pruned) != 1 || len(w.held()) > 0 {
		t.Errorf("after twenty minutes: %+v, %v; held %q", report, err, w.held())
	}
}

// What a dead run left is found by its record alone: without a state, behind the mark,
// outside of the current paths, and although nothing may be deleted any more.
func TestALeftoverIsFoundByItsRecord(t *testing.T) {
	for name, tc := range map[string]struct {
		key     string
		prepare func(w *world)
	}{
		"without a state":                {"branches/gone/terraform.tfstate", func(*world) {}},
		"outside of the paths":           {"main/gone/terraform.tfstate", func(*world) {}},
		"with a state that is not stale": {"branches/young/terraform.tfstate", func(w *world) { w.Apply("branches/young/terraform.tfstate", local.State(w, "applied")) }},
		"behind the mark":                {"branches/a", func(w *world) { w.mark("branches/b") }},
		"with the object gone and rows left": {"branches/half", func(w *world) {
			h, _, err := w.Set.Buckets[0].Find(w.Context(), w.Path("branches/half"))
			if err == nil {
				err = w.Set.Buckets[0].Release(w.Context(), h)
			}
			if err != nil {
				w.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.leave(tc.key, "dead", time.Now().Add(-time.Hour))
			w.leave("branches/live", "alive", time.Now().Add(time.Hour))
			w.Lock("branches/alive/terraform.tfstate", "y", w.Set.All()...)
			tc.prepare(w)
			if report := w.prune(); len(report.Errors) > 0 || len(w.held()) != 6 || strings.Contains(fmt.Sprint(w.held()), tc.key+" ") {
				t.Errorf("left %v, %+v", w.held(), report)
			}
		})
	}
}

// With PruneMode=report there is no permission to release anything, and somebody has to hear of
// what an earlier run left.
func TestALeftoverWithPruneModeReport(t *testing.T) {
	w := newWorld(t)
	w.leave(key, "dead", time.Now().Add(-time.Hour))
	w.rules.ReportOnly = true
	wire := &local.Wire{Refuse: func(call string) bool {
		return call == "PUT" || call == "DELETE"
	}}
	if report, err := w.run(wire, prune.Request{}, "r"); err != nil || len(report.Errors) != 1 || !strings.Contains(report.Errors[0], "PruneMode=report") || len(w.held()) != 3 {
		t.Errorf("%+v, %v, held %v", report, err, w.held())
	}
	w.rules.ReportOnly = false
	if report := w.prune(); len(report.Errors) != 0 || len(w.held()) != 0 {
		t.Errorf("%+v, held %v", report, w.held())
	}
}

// leave makes a lock of ours with its record, as a run that died before its delete leaves
// it. Where there is no state somebody else deleted it since.
func (w *world) leave(key, request string, deadline time.Time) {
	w.Helper()
	bucket := w.Set.Buckets[0]
	version, current, err := bucket.LastVersion(w.Context(), w.Path(key))
	if errors.Is(err, backend.ErrGone) {
		version, err = bucket.WriteState(w.Context(), w.Path(key), local.State(w, "destroyed"), backend.Encryption{})
		if err == nil {
			_, err = server.S3().DeleteObject(w.Context(), &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: &key})
		}
		if err == nil {
			err = server.Age(w.Bucket, key, time.Hour)
		}
	}
	if err != nil {
		w.Fatal(current, err)
	}
	note, _ := json.Marshal(map[string]any{"request_id": request, "deadline": deadline.UTC()})
	raw, err := tflock.Info{ID: "x", Operation: "lockwarden-prune", Info: string(note), Who: "lockwarden-prune@lambda", Path: string(w.Path(key))}.Marshal()
	if err == nil {
		err = w.ledger().Record(w.Context(), ledger.Pruned{At: time.Now(), Request: request, Until: deadline, State: policy.Stale{Path: w.Path(key), VersionID: version}})
	}
	for _, s := range w.Set.All() {
		if err == nil {
			_, err = s.Acquire(w.Context(), w.Path(key), raw)
		}
	}
	if err != nil {
		w.Fatal(err)
	}
}

// mark has the last run stopped at that key.
func (w *world) mark(key string) {
	w.Helper()
	if err := w.ledger().SetMark(w.Context(), ledger.Mark{Pass: ledger.Pass{Name: "pass", Place: ledger.Place{Bucket: w.BucketARN, Prefix: "branches/", Key: key}}}); err != nil {
		w.Fatal(err)
	}
}
