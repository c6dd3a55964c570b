package unlock_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

type doer func(*http.Request) (*http.Response, error)

func (f doer) Do(r *http.Request) (*http.Response, error) { return f(r) }

// Two people release a lock. The first one's call has read the lock's object, and waits for a watched table that is slow. Meanwhile the second one's release ends,
// and the client, which waited for its own lock, takes it again with the same bytes: S3's time, which the first call has, is that of the lock before.
func TestAReleaseBeforeTheWholePathWasReadRemovesNoLockThatIsTakenAgain(t *testing.T) {
	w := newWorld(t)
	b := w.Set.Buckets[0]
	w.Lock("k", "waiting", b)
	held, _, err := b.Find(t.Context(), w.Path("k"))
	if err != nil {
		t.Fatal(err)
	}
	w.scan()
	later := func() time.Time { return time.Now().Add(12 * time.Minute) }
	objectRead := make(chan struct{})
	var once, slow sync.Once
	cfg := server.Config()
	cfg.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetItem") {
			slow.Do(func() {
				<-objectRead
				a, err := w.newUnlocker(server.Config(), w.oneTable(), 30*time.Minute, later).Run(t.Context(), request(w, "waiting", `,"path":"`+string(w.Path("k"))+`"`), "second")
				if err != nil || a.Outcome != unlock.Released {
					t.Errorf("the second release: %+v, %v", a, err)
				}
				if _, err := b.Acquire(t.Context(), w.Path("k"), []byte(held.Raw)); err != nil {
					t.Error(err)
				}
			})
		}
		response, err := server.Config().HTTPClient.Do(r)
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "k.tflock") {
			once.Do(func() { close(objectRead) })
		}
		return response, err
	})
	set, err := backend.Open(cfg, []string{w.TableARN}, []string{w.BucketARN})
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.newUnlocker(cfg, set, 30*time.Minute, later).Run(t.Context(), request(w, "waiting", `,"path":"`+string(w.Path("k"))+`"`), "first")
	if err == nil || len(w.held()) != 1 {
		t.Errorf("the lock that was taken again: %+v, %v, left %q", a, err, w.held())
	}
}
