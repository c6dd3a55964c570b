package prune_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

func (w *world) restore(wire *local.Wire) (prune.Answer, error) {
	w.Helper()
	return w.pruner(server.ConfigOver(wire)).Restore(context.Background(), w.Path(key), "restore")
}

func (w *world) prunedLately() []ledger.Pruned {
	w.Helper()
	list, total, err := w.ledger().Recent(context.Background(), 100)
	if err != nil || total != len(list) {
		w.Fatal(err, total)
	}
	return list
}

func TestRestore(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	pruned := w.prune().Pruned[0]
	if list := w.prunedLately(); len(list) != 1 || !list[0].Reported || list[0].State.Path != w.Path(key) || list[0].State.VersionID != pruned.VersionID {
		t.Errorf("on record: %+v", list)
	}
	a, err := w.restore(&local.Wire{})
	if err != nil || a.Outcome != prune.Restored || a.Serial != pruned.Serial || a.VersionID == "" || a.VersionID == pruned.VersionID {
		t.Fatalf("%+v, %v", a, err)
	}
	if !w.Readable(key) || len(w.held()) != 0 || len(w.prunedLately()) != 0 {
		t.Errorf("held %v, on record %+v", w.held(), w.prunedLately())
	}
	if report := w.prune(); report.Examined != 0 {
		t.Errorf("a restored state counts as fresh: %+v", report)
	}
	versions, err := server.S3().ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &w.Bucket, Prefix: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	states, markers := 0, 0
	for _, v := range versions.Versions {
		if aws.ToString(v.Key) == key {
			states++
		}
	}
	for _, v := range versions.DeleteMarkers {
		if aws.ToString(v.Key) == key {
			markers++
		}
	}
	if states != 2 || markers != 1 {
		t.Errorf("%d versions, %d delete markers: none may go", states, markers)
	}
}

func TestNoRestore(t *testing.T) {
	w := newWorld(t)
	w.stale("branches/pruned", local.State(t, "destroyed"))
	w.prune()
	w.Apply("branches/there", local.State(t, "applied"))
	w.Apply("branches/there-longer", local.State(t, "applied"))
	for name, tc := range map[string]struct {
		path    string
		prepare func()
		want    prune.Outcome
		says    string
	}{
		"a state that is there stays":          {"branches/there", nil, prune.Refused, "there is a state"},
		"a key without versions":               {"branches/the", nil, prune.NotFound, "no version"},
		"a bucket that is not watched":         {"", nil, prune.Refused, "not watched"},
		"a lock object":                        {"branches/pruned.tflock", nil, prune.Refused, "a lock"},
		"a state that is locked stays deleted": {"branches/pruned", func() { w.Lock("branches/pruned", "x", w.Set.Tables[1]) }, prune.Refused, "me@host"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.prepare != nil {
				tc.prepare()
			}
			before := w.held()
			path := w.Path(tc.path)
			if tc.path == "" {
				path = "elsewhere/terraform.tfstate"
			}
			a, err := w.pruner(server.Config()).Restore(t.Context(), path, "r")
			if err != nil || a.Outcome != tc.want || !strings.Contains(a.Message, tc.says) || a.Path != path {
				t.Errorf("%+v, %v", a, err)
			}
			if !slices.Equal(w.held(), before) {
				t.Errorf("held %v", w.held())
			}
		})
	}
}

// A client that writes between the look and the write wins.
func TestARestoreOverwritesNothing(t *testing.T) {
	for call := range local.Calls(2) {
		w := newWorld(t)
		w.stale(key, local.State(t, "destroyed"))
		w.prune()
		calls, written := 0, false
		wire := &local.Wire{Before: func(string) {
			if calls++; calls == call {
				there, err := w.Set.Buckets[0].StateWritten(context.Background(), w.Path(key))
				if written = err == nil && there.IsZero(); written {
					w.Apply(key, local.State(t, "applied"))
				}
			}
		}}
		a, err := w.restore(wire)
		if err != nil || (written && a.Outcome != prune.Refused) || (!written && a.Outcome != prune.Restored) {
			t.Errorf("call %d, written %v: %+v, %v", call, written, a, err)
		}
		if !w.Readable(key) || len(w.held()) != 0 {
			t.Errorf("call %d: held %v", call, w.held())
		}
		if calls < call {
			break
		}
	}
}

// A restore that dies leaves at most its lock and the record, which the restore clears
// when it is repeated, once the lock is certainly dead, and the next prune.
func TestARestoreThatDies(t *testing.T) {
	for variant, after := range []bool{false, true} {
		for cut := range local.Calls(variant) {
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			w.prune()
			wire := &local.Wire{CutAt: cut, AfterEffect: after}
			_, _ = w.restore(wire)
			there := w.Readable(key)
			w.later(time.Minute)
			a, err := w.restore(&local.Wire{})
			if err != nil || (there && a.Outcome != prune.Refused) || (!there && a.Outcome != prune.Restored) || !w.Readable(key) {
				t.Errorf("cut %d (%v): %+v, %v", cut, after, a, err)
			}
			if len(w.prunedLately()) > 0 {
				t.Errorf("cut %d (%v): on record as pruned, and it is there", cut, after)
			}
			if len(w.held()) > 0 {
				w.now = func() time.Time { return time.Now().Add(time.Hour) }
				if cut%2 == 0 {
					w.prune()
				} else if a, err := w.restore(&local.Wire{}); err != nil || a.Outcome != prune.Refused {
					t.Errorf("cut %d (%v): once more: %+v, %v", cut, after, a, err)
				}
				if len(w.held()) > 0 {
					t.Errorf("cut %d (%v): left %v", cut, after, w.held())
				}
			}
			if wire.Calls() < cut {
				break
			}
		}
	}
}

func TestAnOldDigestIsNamed(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	w.prune()
	w.SetDigest(w.Table, key, "0123")
	if a, err := w.restore(&local.Wire{}); err != nil || a.Outcome != prune.Restored || !strings.Contains(a.Message, local.MD5(local.State(t, "destroyed"))) {
		t.Errorf("%+v, %v", a, err)
	}
}

// A restore that finds a state there takes its record for an old one. That of a prune
// which is about to take its lock is none: nobody would hear if it died then.
func TestARestoreForgetsNoPruneUnderWay(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	asked := false
	wire := &local.Wire{
		Before: func(call string) {
			if call == "PUT" && !asked {
				asked = true
				if a, err := w.restore(&local.Wire{}); err != nil || a.Outcome != prune.Refused {
					t.Errorf("%+v, %v", a, err)
				}
			}
		},
		Refuse: func(call string) bool { return call == "POST" }, // it cannot tell
	}
	if _, err := w.run(wire, prune.Request{}, "request"); err == nil || !asked || w.Readable(key) {
		t.Fatalf("asked %v, %v", asked, err)
	}
	w.later(time.Hour)
	if w.prune(); len(w.Published()) != 1 {
		t.Errorf("notified %d times", len(w.Published()))
	}
}
