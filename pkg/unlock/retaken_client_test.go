package unlock_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// losing is a way to the local AWS that loses the answer to the first lock that a client takes in a table.
func losing(t *testing.T) string {
	t.Helper()
	to, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(to)
	var lost atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem") && bytes.Contains(body, []byte(`"Info"`)) && lost.CompareAndSwap(false, true) {
			forward.ServeHTTP(httptest.NewRecorder(), r)
			connection, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = connection.Close()
			}
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// What real clients do whose answer was lost: they wait for themselves, and take their lock again once it is released.
func TestAClientTakesItsReleasedLockAgain(t *testing.T) {
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	terraform15, err := local.Terraform15()
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range append(clients, terraform15) {
		t.Run(client.Name, func(t *testing.T) {
			w := newWorld(t)
			table := w.Set.Tables[0]
			space, err := server.Through(losing(t)).Workspace(t.Context(), client, t.TempDir(), w.Bucket, w.Table, "k", local.ByTable)
			if err != nil {
				t.Fatal(err)
			}
			find := func() (h tflock.Holding, there bool) {
				h, there, err := table.Find(t.Context(), w.Path("k"))
				if err != nil {
					t.Fatal(err)
				}
				return h, there
			}
			run, err := space.Start(t.Context(), []string{"-var=seconds=600", "-lock-timeout=30m"}, func(string) bool { _, there := find(); return there })
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = run.Kill() })
			time.Sleep(4 * time.Second)
			row, _ := find()
			w.scan()
			at := func(after time.Duration) *unlock.Unlocker {
				return w.newUnlocker(server.Config(), w.oneTable(), 30*time.Minute, func() time.Time { return time.Now().Add(after) })
			}
			a, err := at(12*time.Minute).Run(t.Context(), request(w, row.Info.ID, ""), "request")
			if err != nil || a.Outcome != unlock.Released {
				t.Fatalf("the row that its client waits for: %+v, %v", a, err)
			}
			var again tflock.Holding
			for there := false; !there; time.Sleep(200 * time.Millisecond) {
				again, there = find()
			}
			t.Logf("taken again: the same bytes: %v, ID %s", again.Raw == row.Raw, again.Info.ID)
			a, err = at(13*time.Minute).Run(t.Context(), request(w, row.Info.ID, ""), "again")
			if _, there := find(); err != nil || a.Outcome != unlock.Refused || !there {
				t.Errorf("a run of seconds: %+v, %v", a, err)
			}
		})
	}
}
