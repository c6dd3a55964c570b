package backend_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
)

// canned answers each call with what a world once answered to it, so that what is
// measured is the client's own work.
type canned struct {
	world *scale.World

	mu      sync.Mutex
	answers map[string]*http.Response
	bodies  map[string][]byte
}

func (c *canned) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body) // it is in memory
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := r.URL.String() + string(body)
	if c.answers[key] == nil {
		recorded := httptest.NewRecorder()
		r.Body = io.NopCloser(bytes.NewReader(body))
		c.world.ServeHTTP(recorded, r)
		c.answers[key], c.bodies[key] = recorded.Result(), recorded.Body.Bytes()
	}
	answer := *c.answers[key]
	answer.Body, answer.Request = io.NopCloser(bytes.NewReader(c.bodies[key])), r
	return &answer, nil
}

func open(b *testing.B, crowd scale.Crowd) backend.Set {
	b.Helper()
	c := &canned{answers: map[string]*http.Response{}, bodies: map[string][]byte{}, world: &scale.World{
		Tables:  map[string]*scale.Table{"locks": scale.LockTable("locks", crowd)},
		Buckets: map[string]*scale.Bucket{"states": {Name: "states", Crowd: crowd}},
	}}
	set, err := backend.Open(scale.Config(c), []string{scale.TableARN("locks")}, []string{scale.BucketARN("states")})
	if err != nil {
		b.Fatal(err)
	}
	return set
}

func holdings(b *testing.B, store backend.Store, want int) {
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range store.Holdings(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != want {
			b.Fatalf("%d holdings", n)
		}
	}
}

func BenchmarkDecodePage(b *testing.B) {
	taken := time.Now()
	b.Run("a megabyte of digests", func(b *testing.B) {
		holdings(b, open(b, scale.Crowd{States: 8_000, Taken: taken}).Tables[0], 0)
	})
	b.Run("a megabyte with 2000 locks", func(b *testing.B) {
		holdings(b, open(b, scale.Crowd{States: 2_000, Locks: 2_000, Taken: taken}).Tables[0], 2_000)
	})
	b.Run("a thousand keys without a lock", func(b *testing.B) {
		holdings(b, open(b, scale.Crowd{States: 1_000, Taken: taken}).Buckets[0], 0)
	})
	b.Run("a thousand keys with ten locks", func(b *testing.B) {
		holdings(b, open(b, scale.Crowd{States: 990, Locks: 10, Taken: taken}).Buckets[0], 10)
	})
}
