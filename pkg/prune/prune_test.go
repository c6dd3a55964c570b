package prune_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// How one state ends, and that a dry run says the same and touches nothing.
func TestFates(t *testing.T) {
	tag := func(w *world, name string) {
		if _, err := server.S3().PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{
			Bucket: &w.Bucket, Key: aws.String(key), Tagging: &s3types.Tagging{TagSet: []s3types.Tag{{Key: &name, Value: aws.String("")}}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	suspend := func(w *world) {
		if _, err := server.S3().PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
			Bucket: &w.Bucket, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusSuspended},
		}); err != nil {
			t.Fatal(err)
		}
	}
	of := func(sample string) func(w *world) { return func(w *world) { w.stale(key, local.State(t, sample)) } }
	text := func(content string) func(w *world) { return func(w *world) { w.stale(key, []byte(content)) } }
	for name, tc := range map[string]struct {
		prepare func(w *world)
		want    policy.KeptReason // empty: pruned
	}{
		"a destroyed state is pruned":               {of("destroyed"), ""},
		"a state that OpenTofu destroyed is pruned": {of("tofu-destroyed"), ""},
		"a state with data sources alone is pruned": {of("data-only"), ""},
		"a state without a digest is pruned":        {func(w *world) { of("destroyed")(w); w.SetDigest(w.Table, "another", "x") }, ""},
		"its digest goes from any table": {func(w *world) {
			of("destroyed")(w)
			w.SetDigest(w.Table+"-other", key, local.MD5(local.State(t, "destroyed")))
		}, ""},
		"another tag protects nothing":                   {func(w *world) { of("destroyed")(w); tag(w, "team") }, ""},
		"resources keep it":                              {of("applied"), policy.KeptHasResources},
		"a deposed object keeps it":                      {of("deposed"), policy.KeptHasResources},
		"outputs keep it":                                {of("outputs-only"), policy.KeptHasOutputs},
		"encryption keeps it":                            {of("tofu-encrypted"), policy.KeptEncrypted},
		"encryption keeps it though it was destroyed":    {of("tofu-encrypted-destroyed"), policy.KeptEncrypted},
		"an old version of state keeps it":               {text(`{"version":3,"serial":1,"modules":[{"path":["root"],"outputs":{},"resources":{}}]}`), policy.KeptUnreadable},
		"zero bytes keep it":                             {text(""), policy.KeptUnreadable},
		"rubbish keeps it":                               {text("not json"), policy.KeptUnreadable},
		"a lock in the bucket keeps it":                  {func(w *world) { of("destroyed")(w); w.Lock(key, "x", w.Set.Buckets[0]) }, policy.KeptLocked},
		"a lock in the table keeps it":                   {func(w *world) { of("destroyed")(w); w.Lock(key, "x", w.Set.Tables[0]) }, policy.KeptLocked},
		"a lock in any table keeps it":                   {func(w *world) { of("destroyed")(w); w.Lock(key, "x", w.Set.Tables[1]) }, policy.KeptLocked},
		"a lock that nobody can read keeps it":           {func(w *world) { of("destroyed")(w); w.Apply(key+".tflock", []byte("me")) }, policy.KeptLocked},
		"a lock comes before resources":                  {func(w *world) { of("applied")(w); w.Lock(key, "x", w.Set.Tables[0]) }, policy.KeptLocked},
		"the tag protects it":                            {func(w *world) { of("destroyed")(w); tag(w, "lockwarden:keep") }, policy.KeptProtected},
		"the tag comes before a lock":                    {func(w *world) { of("destroyed")(w); tag(w, "lockwarden:keep"); w.Lock(key, "x", w.Set.Tables[0]) }, policy.KeptProtected},
		"a bucket without versions keeps it":             {func(w *world) { of("destroyed")(w); suspend(w) }, policy.KeptUnversioned},
		"a digest that differs keeps it":                 {func(w *world) { of("destroyed")(w); w.SetDigest(w.Table, key, "0123") }, policy.KeptDigestMismatch},
		"a digest that differs in any table keeps it":    {func(w *world) { of("destroyed")(w); w.SetDigest(w.Table+"-other", key, "0123") }, policy.KeptDigestMismatch},
		"resources come before a digest that differs":    {func(w *world) { of("applied")(w); w.SetDigest(w.Table, key, "0123") }, policy.KeptHasResources},
		"a state whose key ends in -md5 is not a digest": {func(w *world) { of("destroyed")(w); w.Lock(key+"-md5", "x", w.Set.Tables[1]) }, ""},
		"a lock on another state is none of this one's":  {func(w *world) { of("destroyed")(w); w.Lock("branches/y", "x", w.Set.All()...) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tc.prepare(w)
			before := w.held()
			var mu sync.Mutex
			var writes []string
			wire := &local.Wire{Before: func(call string) {
				mu.Lock()
				defer mu.Unlock()
				if !slices.Contains([]string{"GET", "HEAD", "DynamoDB_20120810.GetItem", "DynamoDB_20120810.BatchGetItem", "DynamoDB_20120810.Scan"}, call) {
					writes = append(writes, call)
				}
			}}
			dry, err := w.run(wire, prune.Request{DryRun: true}, "dry")
			if err != nil || len(writes) > 0 || len(w.Published()) > 0 || !dry.DryRun {
				t.Fatalf("a dry run wrote %v, notified %d, and gave %+v, %v", writes, len(w.Published()), dry, err)
			}
			report := w.prune()
			there := w.readable2(tc.want)
			if tc.want == "" {
				if len(report.Pruned) != 1 || there || report.Pruned[0].VersionID == "" || report.Pruned[0].Lineage == "" || len(report.Kept) != 0 {
					t.Errorf("there: %v, %+v", there, report)
				}
				if len(dry.Pruned) != 1 || dry.Pruned[0].Fate != policy.WouldPrune {
					t.Errorf("the dry run said %+v", dry)
				}
			} else if len(report.Kept) != 1 || report.Kept[0].Reason != tc.want || report.Kept[0].Why == "" || !there ||
				len(dry.Kept) != 1 || dry.Kept[0].Reason != tc.want {
				t.Errorf("there: %v, %+v, dry %+v", there, report, dry)
			}
			if report.Examined != 1 || dry.Examined != 1 || len(report.Errors) != 0 || !slices.Equal(w.held(), before) {
				t.Errorf("%+v, held %v, before %v", report, w.held(), before)
			}
		})
	}
}

// readable2 is readable, but where the case itself is a digest that differs.
func (w *world) readable2(reason policy.KeptReason) bool {
	w.Helper()
	if reason != policy.KeptDigestMismatch && reason != policy.KeptHasResources {
		return w.Readable(key)
	}
	written, err := w.Set.Buckets[0].StateWritten(context.Background(), w.Path(key))
	if err != nil {
		w.Fatal(err)
	}
	return !written.IsZero()
}

func TestCandidates(t *testing.T) {
	w := newWorld(t)
	empty := local.State(t, "destroyed")
	for _, k := range []string{
		"branches/a/terraform.tfstate", "branches/deep/er/b.tfstate", "env:/staging/branches/c/terraform.tfstate", "branches/d e+f%/ü.tfstate",
		"main/terraform.tfstate", "env:/staging/main/terraform.tfstate", "other/branches/a/terraform.tfstate",
	} {
		w.stale(k, empty)
	}
	w.Apply("branches/young/terraform.tfstate", empty)
	report := w.prune()
	want := []string{
		"branches/a/terraform.tfstate pruned", "branches/d e+f%/ü.tfstate pruned", "branches/deep/er/b.tfstate pruned",
		"env:/staging/branches/c/terraform.tfstate pruned",
	}
	if got := fates(report); !slices.Equal(got, want) || report.Examined != len(want) {
		t.Errorf("got %q", got)
	}
	if again := w.prune(); again.Examined != 0 || len(again.Errors) != 0 {
		t.Errorf("again: %+v", again)
	}
}

func TestAbandonedStatesAreReported(t *testing.T) {
	w := newWorld(t)
	w.stale("branches/paid/terraform.tfstate", local.State(t, "applied"))
	w.stale("branches/empty/terraform.tfstate", local.State(t, "destroyed"))
	w.rules.ReportOnly = true
	report := w.prune()
	if report.Abandoned != 1 || !report.DryRun || len(report.Pruned) != 1 || report.Pruned[0].Fate != policy.WouldPrune || !w.Readable("branches/empty/terraform.tfstate") {
		t.Errorf("PruneMode=report: %+v", report)
	}
	w.rules.ReportOnly = false
	report = w.prune()
	if report.Abandoned != 1 || report.Kept[0].ManagedObjects == 0 || len(report.Kept[0].Types) == 0 || len(report.Pruned) != 1 {
		t.Errorf("got %+v", report)
	}
	messages := w.Published()
	if len(messages) != 2 {
		t.Fatalf("%d messages", len(messages))
	}
	var e alert.Event
	if err := json.Unmarshal([]byte(messages[1].Texts["sqs"]), &e); err != nil {
		t.Fatal(err)
	}
	if e.Type != alert.PruneReported || e.Severity != alert.Warning || len(e.States) != 2 || !e.States[0].Abandoned() || !strings.Contains(messages[1].Texts["email"], "still managing") {
		t.Errorf("got %+v\n%s", e, messages[1].Texts["email"])
	}
	w.prune()
	if again := w.Published(); len(again) != 3 {
		t.Errorf("what costs money is reported every time: %d messages", len(again))
	}
}

func TestNothingToSayIsNotSaid(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "outputs-only"))
	if w.prune(); len(w.Published()) != 0 {
		t.Error("notified")
	}
}

// While a watched table cannot be read nothing is deleted; nor in a bucket that cannot be.
func TestUnreadablePlaces(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	w.stale("branches/paid/terraform.tfstate", local.State(t, "applied"))
	w.Other = strings.Replace(w.Other, "-other", "-missing", 1)
	report := w.prune()
	if got := fates(report); !slices.Equal(got, []string{"branches/paid/terraform.tfstate kept locked", key + " kept locked"}) || report.Abandoned != 1 ||
		len(report.Errors) != 1 || !strings.Contains(report.Errors[0], "does not exist") {
		t.Errorf("got %q, %+v", got, report)
	}
	if !w.Readable(key) || len(w.held()) != 0 {
		t.Error("something was touched")
	}
	w.Other, w.BucketARN = w.TableARN, "arn:aws:s3:::no-such-bucket-here"
	if report := w.prune(); len(report.Errors) != 1 || !strings.Contains(report.Errors[0], "no-such-bucket-here") {
		t.Errorf("got %+v", report)
	}
}

// A state that is written, locked or deleted at any moment of a prune is never lost: the
// client that began in the middle is refused by our lock or wins it.
func TestAClientBeginsInTheMiddle(t *testing.T) {
	newer := local.State(t, "applied")
	for call := range local.Calls(0) {
		w := newWorld(t)
		w.stale(key, local.State(t, "destroyed"))
		var calls atomic.Int64 // the listing goes on beside the work
		won, refused := false, false
		wire := &local.Wire{Before: func(string) {
			if calls.Add(1) != int64(call) {
				return
			}
			// As Terraform: the object, then the row, then the state, then the digest.
			raw, _ := tflock.Info{ID: "client", Operation: "OperationTypeApply", Who: "me@host", Created: time.Now().UTC(), Path: string(w.Path(key))}.Marshal()
			for _, s := range []backend.Store{w.Set.Buckets[0], w.Set.Tables[0]} {
				if _, err := s.Acquire(context.Background(), w.Path(key), raw); err != nil {
					refused = true
				}
			}
			if refused { // it gives back what it has
				for _, s := range []backend.Store{w.Set.Tables[0], w.Set.Buckets[0]} {
					if h, ok, err := s.Find(context.Background(), w.Path(key)); err == nil && ok && h.Raw == string(raw) {
						_ = s.Release(context.Background(), h)
					}
				}
				return
			}
			won = true
			w.Readable(key) // it reads before it writes
			w.Apply(key, newer)
		}}
		report, err := w.run(wire, prune.Request{}, "request")
		if err != nil {
			t.Errorf("call %d: %v", call, err)
		}
		there := w.Readable(key)
		switch {
		case won && (!there || len(w.held()) != 2):
			t.Errorf("call %d: the client won, and its state is there: %v, its locks %v, %+v", call, there, w.held(), report)
		case !won && there && len(report.Kept) == 0:
			t.Errorf("call %d: %+v", call, report)
		case !won && len(w.held()) != 0:
			t.Errorf("call %d: left %v", call, w.held())
		}
		if calls.Load() < int64(call) {
			if call < 12 {
				t.Errorf("a prune made only %d calls", calls.Load())
			}
			break
		}
	}
}

// A client that locks nothing (-lock=false) is beyond what locks can do, but its write is
// not lost: the delete is conditional on the bytes that were judged.
func TestAWriteWithoutALockIsNotLost(t *testing.T) {
	for call := range local.Calls(1) {
		w := newWorld(t)
		w.stale(key, local.State(t, "destroyed"))
		var calls atomic.Int64
		deleted := false
		wire := &local.Wire{Before: func(string) {
			if calls.Add(1) == int64(call) {
				there, err := w.Set.Buckets[0].StateWritten(context.Background(), w.Path(key))
				deleted = err == nil && there.IsZero()
				w.Apply(key, local.State(t, "applied"))
			}
		}}
		if _, err := w.run(wire, prune.Request{}, "request"); err != nil {
			t.Error(err)
		}
		if calls.Load() < int64(call) {
			break
		}
		if !w.Readable(key) || len(w.held()) > 0 {
			t.Errorf("call %d: lost, or left %v (deleted before: %v)", call, w.held(), deleted)
		}
	}
}

// A thousand young objects cost list calls and nothing else.
func TestManyPages(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	if err := server.Fill(w.Bucket, key+".", 1100); err != nil { // between the state and its lock object
		t.Fatal(err)
	}
	var mu sync.Mutex
	calls := map[string]int{}
	wire := &local.Wire{Before: func(call string) { mu.Lock(); calls[call]++; mu.Unlock() }}
	if report, err := w.run(wire, prune.Request{DryRun: true}, "r"); err != nil || report.Examined != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	// Versioning, two pages of branches/, one of env:/; the state, its tags, its lock. Both
	// tables: can they be read, their aliases, the state's row, and the digests at once.
	if calls["GET"] != 1+2+1+3 || calls["DynamoDB_20120810.GetItem"] != 2*2 || calls["DynamoDB_20120810.BatchGetItem"] != 2 || calls["DynamoDB_20120810.Scan"] != 2 || len(calls) != 4 {
		t.Errorf("calls: %v", calls)
	}
	clear(calls)
	if report, err := w.run(wire, prune.Request{}, "r"); err != nil || len(report.Pruned) != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	// The state twice, its tags, our lock; the object of its lock, the state and both rows;
	// and before them a lock that only proves that it can be released.
	if calls["GET"] != 1+2+1+4 || calls["PUT"] != 2 || calls["DELETE"] != 3 || calls["DynamoDB_20120810.DeleteItem"] != 1+2+2 {
		t.Errorf("calls: %v", calls)
	}
}
