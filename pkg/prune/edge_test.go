package prune_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// answers has S3 answer some requests as it would where moto does not.
type answers struct {
	*local.Wire
	to     func(r *http.Request) bool
	status int
	code   string
}

func (a answers) Do(r *http.Request) (*http.Response, error) {
	if !a.to(r) {
		return a.Wire.Do(r)
	}
	body := `<?xml version="1.0"?><Error><Code>` + a.code + `</Code><Message>no</Message></Error>`
	return &http.Response{StatusCode: a.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func readsState(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "terraform.tfstate") && !r.URL.Query().Has("tagging")
}

// States that cannot be read are kept; and when that is for want of a permission, somebody
// hears of it, once for all of them.
func TestStatesThatCannotBeRead(t *testing.T) {
	for name, tc := range map[string]struct {
		status   int
		code     string
		notified bool
	}{
		"of a role without the permission":  {403, "AccessDenied", true},
		"under a key that is disabled":      {400, "KMS.DisabledException", true},
		"that only their owner's key opens": {400, "InvalidRequest", false},
		"in an archive":                     {403, "InvalidObjectState", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			w.stale("branches/y/terraform.tfstate", local.State(t, "applied"))
			cfg := server.ConfigOver(&local.Wire{})
			cfg.HTTPClient = answers{&local.Wire{}, readsState, tc.status, tc.code}
			report, err := w.pruner(cfg).Run(t.Context(), prune.Request{}, "r")
			if err != nil || len(report.Kept) != 2 || report.Kept[0].Reason != policy.KeptUnreadable || !strings.Contains(report.Kept[0].Why, tc.code) {
				t.Fatalf("%+v, %v", report, err)
			}
			if notified := len(w.Published()) == 1 && len(report.Errors) == 1 && strings.Contains(report.Errors[0], "1 more like it"); notified != tc.notified {
				t.Errorf("notified %d, errors %q", len(w.Published()), report.Errors)
			}
			if !w.Readable(key) || len(w.held()) > 0 {
				t.Errorf("held %v", w.held())
			}
		})
	}
}

// A state that is known to manage resources is reported although something else about it
// could not be looked at.
func TestAnAbandonedStateIsReportedThoughItsTagsCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "applied"))
	cfg := server.ConfigOver(&local.Wire{})
	cfg.HTTPClient = answers{&local.Wire{}, func(r *http.Request) bool { return r.URL.Query().Has("tagging") }, 403, "AccessDenied"}
	report, err := w.pruner(cfg).Run(t.Context(), prune.Request{}, "r")
	if err != nil || report.Abandoned != 1 || len(report.Errors) != 1 || report.Kept[0].Reason != policy.KeptHasResources {
		t.Errorf("%+v, %v", report, err)
	}
}

// When the delete of a state is refused, S3 is asked why: the first of two deletes may
// have had its effect, and 409 says that two requests met.
func TestARefusedDelete(t *testing.T) {
	deletesState := func(r *http.Request) bool {
		return r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "terraform.tfstate")
	}
	t.Run("whose effect came by an answer that was lost counts as done", func(t *testing.T) {
		w := newWorld(t)
		w.stale(key, local.State(t, "destroyed"))
		cfg := server.ConfigOver(&local.Wire{})
		cfg.HTTPClient = answers{&local.Wire{}, func(r *http.Request) bool {
			if deletesState(r) {
				if _, err := w.Set.Buckets[0].DeleteState(context.Background(), w.Path(key), r.Header.Get("If-Match")); err != nil {
					t.Error(err)
				}
			}
			return deletesState(r)
		}, 412, "PreconditionFailed"}
		if report, err := w.pruner(cfg).Run(t.Context(), prune.Request{}, "r"); err != nil || len(report.Pruned) != 1 || len(report.Errors) != 0 {
			t.Errorf("%+v, %v", report, err)
		}
	})
	t.Run("of a state that is still the same is an error, not a change", func(t *testing.T) {
		w := newWorld(t)
		w.stale(key, local.State(t, "destroyed"))
		cfg := server.ConfigOver(&local.Wire{})
		cfg.HTTPClient = answers{&local.Wire{}, deletesState, 409, "ConditionalRequestConflict"}
		if report, err := w.pruner(cfg).Run(t.Context(), prune.Request{}, "r"); err != nil || len(report.Errors) != 1 || len(w.held()) != 0 || !w.Readable(key) {
			t.Errorf("%+v, %v, held %v", report, err, w.held())
		}
		if report := w.prune(); len(report.Pruned) != 1 {
			t.Errorf("the next run: %+v", report)
		}
	})
}

// How a state ended whose run died is what the version history says: a delete that
// came is reported by the next run, also when the state was written again since, and then
// nothing is offered for restore. A delete that never came is not.
func TestUnreportedPrunes(t *testing.T) {
	remove := func(w *world) {
		if _, err := server.S3().DeleteObject(w.Context(), &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: aws.String(key)}); err != nil {
			w.Fatal(err)
		}
	}
	write := func(w *world) { w.Apply(key, local.State(w, "applied")) }
	for name, tc := range map[string]struct {
		since    []func(w *world)
		change   func(record *ledger.Pruned)
		notified bool // a report names it
		offered  bool // for restore
		errors   int
	}{
		"it is deleted":                            {since: []func(*world){remove}, notified: true, offered: true},
		"it is deleted and written again":          {since: []func(*world){remove, write}, notified: true},
		"it was written in place of being deleted": {since: []func(*world){write}},
		"it was written, and then deleted":         {since: []func(*world){write, remove}},
		"it is there as it was":                    {},
		"somebody deleted it long after the run": {since: []func(*world){remove}, change: func(r *ledger.Pruned) {
			r.At = time.Now().Add(-2 * time.Hour)
		}},
		"its version is not in the history any more":                               {since: []func(*world){write}, change: func(r *ledger.Pruned) { r.State.VersionID = "expired" }, notified: true, errors: 1},
		"its version is not in the history any more, and a marker of that time is": {since: []func(*world){remove}, change: func(r *ledger.Pruned) { r.State.VersionID = "expired" }, notified: true, errors: 1},
		"the run was a restore":                                                    {since: []func(*world){remove}, change: func(r *ledger.Pruned) { r.Restoring = true }},
		"the run is alive":                                                         {since: []func(*world){remove}, change: func(r *ledger.Pruned) { r.Until = time.Now().Add(time.Hour) }, offered: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Apply(key, local.State(t, "destroyed"))
			version, _, err := w.Set.Buckets[0].LastVersion(t.Context(), w.Path(key))
			if err != nil {
				t.Fatal(err)
			}
			record := ledger.Pruned{
				At: time.Now(), Request: "dead", Until: time.Now().Add(-time.Second),
				State: policy.Stale{Path: w.Path(key), Fate: policy.Pruned, VersionID: version, LastModified: time.Now().Add(-month)},
			}
			if tc.change != nil {
				tc.change(&record)
			}
			if err := w.ledger().Record(t.Context(), record); err != nil {
				t.Fatal(err)
			}
			for _, happens := range tc.since {
				happens(w)
			}
			report := w.prune()
			if notified := len(w.Published()) == 1; notified != tc.notified || len(report.Errors) != tc.errors {
				t.Errorf("notified: %v, %+v", notified, report)
			}
			if offered := len(w.prunedLately()) == 1; offered != tc.offered {
				t.Errorf("offered for restore: %v", offered)
			}
			w.prune()
			if again := len(w.Published()); again > 1 {
				t.Errorf("notified %d times", again)
			}
		})
	}
}

// The mark of a bucket or a prefix that is watched no more is no mark.
func TestAnOldMarkSkipsNothing(t *testing.T) {
	for name, m := range map[string]ledger.Place{
		"a bucket that is gone": {Bucket: "arn:aws:s3:::gone", Prefix: "branches/", Key: "branches/z"},
		"a prefix that is gone": {Bucket: "", Prefix: "gone/", Key: "gone/z"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stale(key, local.State(t, "outputs-only"))
			if m.Bucket == "" {
				m.Bucket = w.BucketARN
			}
			if err := w.ledger().SetMark(t.Context(), ledger.Mark{Pass: ledger.Pass{Name: "pass", Place: m}}); err != nil {
				t.Fatal(err)
			}
			if report := w.prune(); report.Examined != 1 {
				t.Errorf("%+v", report)
			}
		})
	}
}

// A state that hangs costs its run neither the others, nor the deletes, nor the report: the work on it ends
// before their time, and the next run goes on with it.
func TestAStateThatHangs(t *testing.T) {
	w := newWorld(t)
	for _, k := range []string{"branches/a/terraform.tfstate", "branches/b/terraform.tfstate", "branches/c/terraform.tfstate"} {
		w.stale(k, local.State(t, "outputs-only"))
	}
	for _, k := range []string{"branches/a/abandoned.tfstate", "branches/d/abandoned.tfstate"} {
		w.stale(k, local.State(t, "applied"))
	}
	w.stale("branches/e/empty.tfstate", local.State(t, "destroyed"))
	hang := true
	cfg := server.ConfigOver(&local.Wire{})
	cfg.HTTPClient = hangs{&local.Wire{}, func(r *http.Request) bool { return hang && readsState(r) && strings.Contains(r.URL.Path, "/b/") }}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	report, err := w.pruner(cfg).Run(ctx, prune.Request{}, "r")
	if err != nil || !report.StoppedEarly || len(report.Kept) != 4 || len(report.Pruned) != 1 || report.Abandoned != 2 || len(report.Errors) != 1 || len(w.Published()) != 1 {
		t.Fatalf("%+v, %v, notified %d", report, err, len(w.Published()))
	}
	hang = false
	if report, err := w.pruner(cfg).Run(t.Context(), prune.Request{}, "r"); err != nil || !slices.Equal(fates(report), []string{"branches/b/terraform.tfstate kept has_outputs"}) {
		t.Errorf("the next run: %+v, %v", fates(report), err)
	}
	// The weekly report counts those of both.
	runs, err := w.ledger().Runs(t.Context())
	if n, partial := ledger.Abandoned(runs); err != nil || n != 2 || partial {
		t.Errorf("%d abandoned in %+v, %v", n, runs, err)
	}
}

// hangs gives no answer to some requests.
type hangs struct {
	*local.Wire
	to func(r *http.Request) bool
}

func (h hangs) Do(r *http.Request) (*http.Response, error) {
	if h.to(r) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return h.Wire.Do(r)
}

// Clients write a digest after the state. One that came after all digests were read at
// once must go with the state all the same, or every later run fails on it.
func TestADigestThatComesLateGoesToo(t *testing.T) {
	w := newWorld(t)
	w.rules.After = 0
	content := local.State(t, "destroyed")
	w.Apply(key, content)
	w.SetDigest(w.Table, key, "old")
	read := 0
	wire := &local.Wire{Before: func(call string) {
		switch {
		case call == "DynamoDB_20120810.BatchGetItem":
			read++
		case call == "GET" && read == 2: // both tables
			read++
			w.SetDigest(w.Table, key, local.MD5(content))
		}
	}}
	report, err := w.run(wire, prune.Request{}, "request")
	if err != nil || len(report.Pruned) != 1 || w.Readable(key) {
		t.Errorf("%+v, %v", report, err)
	}
}
