package unlock_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A lock that is swapped between the reading and the delete is left alone.
func TestASwappedLockSurvives(t *testing.T) {
	for call, kind := range map[string]func(w *world) backend.Store{
		"DynamoDB_20120810.DeleteItem": func(w *world) backend.Store { return w.Set.Tables[0] },
		"DELETE":                       func(w *world) backend.Store { return w.Set.Buckets[0] },
	} {
		t.Run(call, func(t *testing.T) {
			w := newWorld(t)
			store := kind(w)
			w.Lock("k", "old", store)
			swapped := false
			wire := &local.Wire{Before: func(name string) {
				if name != call || swapped {
					return
				}
				swapped = true
				h, _, err := store.Find(context.Background(), w.Path("k"))
				if err == nil {
					err = store.Release(context.Background(), h)
				}
				if err != nil && !errors.Is(err, backend.ErrGone) {
					t.Error(err)
				}
				w.Lock("k", "new", store)
			}}
			w.scan()
			a, err := w.run(wire, request(w, "old", ""))
			if err != nil || a.Outcome != unlock.Changed || !strings.Contains(a.Message, "new") || len(a.Released) != 0 {
				t.Errorf("got %+v, %v", a, err)
			}
			if got := w.held(); !swapped || len(got) != 1 || !strings.Contains(got[0], "k new") {
				t.Errorf("left %q", got)
			}
		})
	}
}

// Cut at any call, before or after its effect: no lock but the named one goes, a
// repeat finishes, and a removed lock is always on record.
func TestNoCrashReleasesAnotherLock(t *testing.T) {
	for variant, after := range []bool{false, true} {
		for cut := range local.Calls(variant) {
			w := newWorld(t)
			w.Lock("k", "named", w.Set.All()...)
			w.Lock("j", "other", w.Set.All()...)
			wire := &local.Wire{CutAt: cut, AfterEffect: after}
			_, _ = w.run(wire, request(w, "named", "")) // dies
			gone := len(w.held()) == 1
			if a, err := w.run(&local.Wire{}, request(w, "named", "")); err != nil || (a.Outcome != unlock.Released && (a.Outcome != unlock.NotFound || !gone)) {
				t.Errorf("cut %d (%v): repeated: %+v, %v", cut, after, a, err)
			}
			if got := w.held(); !slices.Equal(got, []string{"j other [dynamodb s3]"}) {
				t.Errorf("cut %d (%v): left %q", cut, after, got)
			}
			if notified := w.published(); len(notified) == 0 || len(notified) > 2 {
				t.Errorf("cut %d (%v): published %q", cut, after, notified)
			}
			if left := w.unfinished(""); len(left) > 0 {
				t.Errorf("cut %d (%v): unfinished: %+v", cut, after, left)
			}
			if r, ours, err := w.releases().LastRelease(t.Context(), ledger.Key{Path: w.Path("k"), ID: "named"}); err != nil || !ours || r.RequestedBy != "me" || len(r.Held) == 0 || r.Held[0].Raw == "" {
				t.Errorf("cut %d (%v): on record: %+v, %v, %v", cut, after, r, ours, err)
			}
			if wire.Calls() < cut {
				if cut < 10 {
					t.Errorf("a release made only %d calls", wire.Calls())
				}
				break
			}
		}
	}
}

// Whatever clients do between any two calls of a release, and wherever it dies, only
// halves of the named lock ever go by our hand: every other lock that clients left is
// there in the end, in the store where they left it.
func TestNoInterleavingReleasesAnotherLock(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		stores := w.Set.All()
		model := make([]string, len(stores)) // who holds k in each store, by the clients' own doing
		next := 0
		act := func(store int, action string) {
			if h, found, err := stores[store].Find(context.Background(), w.Path("k")); err != nil {
				t.Fatal(err)
			} else if found {
				if err := stores[store].Release(context.Background(), h); err != nil && !errors.Is(err, backend.ErrGone) {
					t.Fatal(err)
				}
			}
			model[store] = ""
			switch action {
			case "another lock":
				next++
				model[store] = fmt.Sprintf("other-%d", next)
			case "the named lock":
				model[store] = "named"
			}
			if model[store] != "" {
				w.Lock("k", model[store], stores[store])
			}
		}
		actions := rapid.SampledFrom([]string{"another lock", "the named lock", "unlock"})
		for i := range stores {
			act(i, rapid.SampledFrom([]string{"the named lock", "another lock", "unlock"}).Draw(rt, "at first"))
		}
		for range rapid.IntRange(1, 2).Draw(rt, "invocations") {
			var mu sync.Mutex // stores are read side by side
			calls := 0
			plan := map[int]string{}
			for range rapid.IntRange(0, 3).Draw(rt, "interruptions") {
				plan[rapid.IntRange(1, 14).Draw(rt, "at call")] = actions.Draw(rt, "what")
			}
			where := rapid.IntRange(0, len(stores)-1).Draw(rt, "store")
			wire := &local.Wire{CutAt: rapid.IntRange(0, 16).Draw(rt, "cut"), AfterEffect: rapid.Bool().Draw(rt, "after")}
			wire.Before = func(string) {
				mu.Lock()
				defer mu.Unlock()
				calls++
				if action, now := plan[calls]; now {
					act(where, action)
				}
			}
			a, err := w.run(wire, request(w, "named", `,"force":true`))
			if err == nil && a.Outcome == unlock.Released && len(a.Released) == 0 {
				rt.Fatal("released nothing, and said released")
			}
		}
		for i, s := range stores {
			h, found, err := s.Find(context.Background(), w.Path("k"))
			if err != nil {
				t.Fatal(err)
			}
			if found && h.Info.ID != model[i] {
				rt.Fatalf("%s holds %q, clients left %q", s.ARN(), h.Info.ID, model[i])
			}
			if !found && model[i] != "" && model[i] != "named" {
				rt.Fatalf("lock %q in %s went with the named one", model[i], s.ARN())
			}
		}
	})
}

// One half that cannot be removed is said, reported as a part, and finished by a repeat.
func TestOneHalfFailing(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.All()...)
	a, err := w.run(&local.Wire{Refuse: func(call string) bool { return call == "DELETE" }}, request(w, "named", ""))
	if err != nil || a.Outcome != unlock.Partial || !slices.Equal(w.held(), []string{"k named [s3]"}) {
		t.Errorf("got %+v, %v, left %q", a, err, w.held())
	}
	a, err = w.run(&local.Wire{}, request(w, "named", ""))
	if err != nil || a.Outcome != unlock.Released || len(w.held()) != 0 {
		t.Errorf("repeated: %+v, %v, left %q", a, err, w.held())
	}
	w.Lock("k", "named", w.Set.All()...)
	w.scan()
	_, err = w.run(&local.Wire{Refuse: func(call string) bool { return call == "DELETE" || strings.HasSuffix(call, "DeleteItem") }}, request(w, "named", ""))
	if err == nil || !strings.Contains(err.Error(), "nothing was released, and it is safe to repeat") {
		t.Errorf("nothing went: %v", err)
	}
}

// A store that cannot be read may hold the lock: no "not found", and nothing goes.
func TestAStoreThatCannotBeReadIsNoNotFound(t *testing.T) {
	w := newWorld(t)
	_, err := w.run(&local.Wire{Refuse: func(call string) bool { return strings.HasSuffix(call, ".Scan") }}, request(w, "named", ""))
	if err == nil || !strings.Contains(err.Error(), "not everything could be read") {
		t.Errorf("got %v", err)
	}
}

// After a release the answer says whether the digest that clients check is right.
func TestTheAnswerComparesDigestAndState(t *testing.T) {
	for digest, want := range map[string]string{
		"99914b932bd37a50b983c5e7c90ae93b": "matches the state", // the MD5 of {}
		"d41d8cd98f00b204e9800998ecf8427e": "but the MD5 of the state is 99914b932bd37a50b983c5e7c90ae93b",
	} {
		w := newWorld(t)
		w.Lock("k", "named", w.Set.Tables[0])
		w.scan()
		if _, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: aws.String("k"), Body: strings.NewReader("{}")}); err != nil {
			t.Fatal(err)
		}
		text := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
		if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: &w.Table, Item: map[string]types.AttributeValue{"LockID": text(string(w.Path("k-md5"))), "Digest": text(digest)},
		}); err != nil {
			t.Fatal(err)
		}
		a, err := w.run(&local.Wire{}, request(w, "named", ""))
		steps := strings.Join(a.NextSteps, "\n")
		if err != nil || !strings.Contains(steps, want) || !strings.Contains(steps, "errored.tfstate") || !strings.Contains(steps, "terraform plan") {
			t.Errorf("got %q, %v", steps, err)
		}
	}
}
