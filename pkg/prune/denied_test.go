package prune_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
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
