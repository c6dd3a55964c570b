package backend_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func TestDigestsAreReadAHundredAtOnce(t *testing.T) {
	w := &scale.World{Latency: time.Millisecond, Tables: map[string]*scale.Table{"locks": scale.LockTable("locks", scale.Crowd{})}}
	cfg := w.Online(t)
	cfg.HTTPClient = server.Config().HTTPClient
	set, err := backend.Open(cfg, []string{scale.TableARN("locks"), scale.TableARN("none")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var paths []tflock.Path
	for i := range 250 {
		paths = append(paths, tflock.Path(fmt.Sprintf("states/%03d", i)))
		if i%2 == 0 {
			w.Tables["locks"].Put(scale.Digest(string(paths[i]), string(paths[i])))
		}
	}
	w.Tables["locks"].Put(scale.Lock("states/001-md5", "of a state with such a name", time.Now()))
	for name, tc := range map[string]struct{ atOnce, calls int }{
		"in as few calls as DynamoDB takes":                            {0, 3},
		"what DynamoDB returns as not read is asked for until it came": {40, 3 + 3 + 2},
	} {
		t.Run(name, func(t *testing.T) {
			w.ReadAtOnce = tc.atOnce
			w.Reset()
			digests, err := set.Tables[0].Digests(t.Context(), paths)
			if err != nil || len(digests) != 125 || w.Calls()["BatchGetItem"] != tc.calls {
				t.Fatalf("%d digests with %v, %v", len(digests), w.Calls(), err)
			}
			for i := range paths {
				one, err := set.Tables[0].Digest(t.Context(), paths[i])
				if err != nil || digests[paths[i]] != one {
					t.Errorf("%s: %q at once, %q alone, %v", paths[i], digests[paths[i]], one, err)
				}
			}
		})
	}
	t.Run("a table that is gone is an error with its name", func(t *testing.T) {
		_, err := set.Tables[1].Digests(t.Context(), paths)
		if at, ok := errors.AsType[*backend.Error](err); !ok || at.Store != scale.TableARN("none") {
			t.Errorf("got %v", err)
		}
	})
}
