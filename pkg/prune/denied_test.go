package prune_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func (w *world) prunerOver(client aws.HTTPClient) *prune.Pruner {
	w.Helper()
	cfg := server.ConfigOver(&local.Wire{})
	cfg.HTTPClient = client
	return w.pruner(cfg)
}

func (w *world) digestOf(key string) string {
	w.Helper()
	return w.Digests(key)[0]
}

func (w *world) hasItsDigest(key string, content []byte) {
	w.Helper()
	if !w.Readable(key) || w.digestOf(key) != local.MD5(content) {
		w.Fatalf("%s lost its digest", key)
	}
}

// lockObjects counts the locks in the bucket.
func (w *world) lockObjects() int {
	w.Helper()
	objects := 0
	for _, lock := range w.held() {
		if strings.HasPrefix(lock, "s3 ") {
			objects++
		}
	}
	return objects
}

// Where deletes are denied, by a bucket policy or an SCP, at most one lock of ours is left,
// and no more by the next runs; no state loses its digest; and somebody hears of it.
func TestDeniedDeletes(t *testing.T) {
	const states = 40
	for name, tc := range map[string]struct {
		denied func(r *http.Request) bool
		left   int // locks of ours that stay while it is so
	}{
		"of everything": {func(r *http.Request) bool { return r.Method == http.MethodDelete }, 1},
		"of lock objects": {func(r *http.Request) bool {
			return r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, ".tflock")
		}, 1},
		"of states": {func(r *http.Request) bool {
			return r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, ".tfstate")
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			content := local.State(t, "destroyed")
			key := func(i int) string { return fmt.Sprintf("branches/%02d/terraform.tfstate", i) }
			for i := range states {
				w.stale(key(i), content)
			}
			var tried atomic.Int32 // deletes of states: before each its digest goes
			p := w.prunerOver(answers{&local.Wire{}, func(r *http.Request) bool {
				if r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, ".tfstate") {
					tried.Add(1)
				}
				return tc.denied(r)
			}, 403, "AccessDenied"})
			for run := range 3 {
				tried.Store(0)
				report, err := p.Run(t.Context(), prune.Request{}, fmt.Sprint("run", run))
				if w.lockObjects() > tc.left || len(w.held()) > 3*tc.left || len(report.Pruned) > 0 || len(report.Errors) == 0 || len(report.Errors) > 3 || (err != nil) != (tc.left > 0) {
					t.Errorf("run %d: %v, held %v, %d pruned, errors %q", run, err, w.held(), len(report.Pruned), report.Errors)
				}
				if n := tried.Load(); n > 1 {
					t.Errorf("run %d: %d states were to be deleted, and lost their digest for a moment", run, n)
				}
				for i := range states {
					w.hasItsDigest(key(i), content)
				}
			}
			w.later(time.Hour)
			if report := w.prune(); len(report.Pruned) != states || len(w.held()) != 0 {
				t.Errorf("once it is allowed: %d pruned, held %v, %q", len(report.Pruned), w.held(), report.Errors)
			}
		})
	}
}

// keepsRows refuses every delete of a row in one table, as DynamoDB does.
type keepsRows struct {
	local.Wire
	table   string // its name
	refused int
}

func (k *keepsRows) Do(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DeleteItem") {
		return k.Wire.Do(r)
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	if !bytes.Contains(raw, []byte(k.table+`"`)) {
		return k.Wire.Do(r)
	}
	k.refused++
	body := `{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}`
	return &http.Response{StatusCode: 400, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// In one of two tables no row can be deleted. All else of our lock that can be released is, except the
// object, which stays as long as a row does; and where that row is of a dead run of ours, nothing comes to it.
func TestDeniedDeletesInOneTable(t *testing.T) {
	for name, left := range map[string]bool{"a lock of this run": false, "the row of a dead run": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			content := local.State(t, "destroyed")
			w.stale(key, content)
			want := []string{"dynamodb " + key + " lockwarden-prune@lambda", "s3 " + key + " lockwarden-prune@lambda"}
			if left {
				want = want[:1]
				note, _ := json.Marshal(map[string]any{"request_id": "dead", "deadline": time.Now().Add(-time.Hour).UTC()})
				raw, err := tflock.Info{ID: "x", Operation: "lockwarden-prune", Info: string(note), Who: "lockwarden-prune@lambda", Created: time.Now().Add(-time.Hour).UTC(), Path: string(w.Path(key))}.Marshal()
				if err == nil {
					_, err = w.Set.Tables[1].Acquire(t.Context(), w.Path(key), raw)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			wire := &keepsRows{table: w.Table + "-other"}
			report, err := w.prunerOver(wire).Run(t.Context(), prune.Request{}, "run")
			if err == nil || wire.refused == 0 || len(report.Pruned) > 0 || !slices.Equal(w.held(), want) {
				t.Errorf("%v after %d refusals, held %q, want %q; %d pruned", err, wire.refused, w.held(), want, len(report.Pruned))
			}
			w.hasItsDigest(key, content)
			w.later(time.Hour)
			if report := w.prune(); len(report.Pruned) != 1 || len(w.held()) != 0 {
				t.Errorf("once it is allowed: %d pruned, held %q, %q", len(report.Pruned), w.held(), report.Errors)
			}
		})
	}
}
