package unlock_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// The holder unlocks in the moment between our look and our delete, which comes late or not at all. The lock
// is gone, and nobody knows by whom: answer, record and event say so, and none of them counts it as our release.
func TestAHolderThatEndsInTheMomentOfTheDelete(t *testing.T) {
	for call, kind := range map[string]func(w *world) backend.Store{
		"DynamoDB_20120810.DeleteItem": func(w *world) backend.Store { return w.Set.Tables[0] },
		"DELETE":                       func(w *world) backend.Store { return w.Set.Buckets[0] },
	} {
		for _, arrives := range []bool{true, false} {
			t.Run(fmt.Sprint(call, ", which arrives: ", arrives), func(t *testing.T) {
				w := newWorld(t)
				w.Lock("k", "named", kind(w))
				w.scan()
				ended := false
				wire := &local.Wire{
					Before: func(name string) {
						if name == call && !ended {
							ended = true
							w.clear()
						}
					},
					Refuse: func(name string) bool { return name == call && !arrives },
				}
				a, err := w.run(wire, request(w, "named", ""))
				if err != nil || a.Outcome != unlock.Released || !strings.Contains(a.Message, "whether by this release or by its holder is not known") {
					t.Errorf("the answer is %+v, %v", a, err)
				}
				r, found, err := w.releases().LastRelease(t.Context(), ledger.Key{Path: w.Path("k"), ID: "named"})
				if err != nil || !found || !r.Finished || r.Any(ledger.HalfRemoved) || !r.Any(ledger.HalfGone) {
					t.Errorf("on record: %+v, %v", r, err)
				}
				if heard := w.releasesHeard(); !ended || len(heard) != 1 || !strings.Contains(heard[0], "whether by this release or by its holder is not known") {
					t.Errorf("people hear %q", heard)
				}
			})
		}
	}
}

// An earlier release died, and its lock is there still. While its store cannot be read, a repeat calls nothing
// gone; after a day in which it could not, the repeat says so, and asks no more.
func TestAStoreThatCannotBeReadSinceIsNotGone(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.Buckets[0])
	w.scan()
	_, _ = w.run(dyingAt("DELETE"), request(w, "named", ""))
	// What is there now has another ID, and the look at how the earlier release ended fails.
	w.clear()
	w.Lock("k", "another", w.Set.Buckets[0])
	for _, c := range []struct {
		later time.Duration
		fails bool
		heard int
	}{{5 * time.Minute, true, 0}, {25 * time.Hour, false, 1}} {
		w.ahead = time.Hour + c.later
		var reads atomic.Int64
		broken := &local.Wire{Refuse: func(call string) bool { return call == "GET" && reads.Add(1) > 1 }}
		a, err := w.run(broken, request(w, "named", fmt.Sprintf(`,"path":%q`, w.Path("k"))))
		if a.Outcome != unlock.Changed && err == nil || (err != nil) != c.fails {
			t.Errorf("after %s: %+v, %v", c.later, a, err)
		}
		heard := w.releasesHeard()
		for _, text := range heard {
			if !strings.Contains(text, "could not be read since") || !strings.Contains(text, "may be there still") {
				t.Errorf("after %s people hear %s", c.later, text)
			}
		}
		if len(heard) != c.heard {
			t.Errorf("after %s people heard %d times: %q", c.later, len(heard), heard)
		}
	}
}

// The answer of a delete is lost, and then the object cannot be read: it may be the lock still, or another
// one. Nobody says that another lock is there.
func TestADeleteWithoutAnAnswerOfWhatCannotBeReadThen(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.Buckets[0])
	w.scan()
	wire := &local.Wire{Refuse: func(call string) bool {
		if call == "DELETE" {
			w.archived = "k.tflock"
		}
		return call == "DELETE"
	}}
	a, err := w.run(wire, request(w, "named", ""))
	if err != nil || a.Outcome != unlock.Partial || len(a.Released) != 0 || !strings.Contains(a.Message, "not known") {
		t.Errorf("%+v, %v", a, err)
	}
}

// An earlier release died before its delete. Whoever calls again later hears how it ended: where the lock is
// still there nobody hears of a release, and where another lock is there by now its own is gone.
func TestHowAnEarlierReleaseEnded(t *testing.T) {
	for name, tc := range map[string]struct {
		at        string // the call at which the earlier release died
		meanwhile func(w *world)
		asked     string // the key that the call names
		want      unlock.Outcome
		heard     string // empty: nothing
	}{
		"the lock is still there":   {"DELETE", func(*world) {}, "copied/k", unlock.NotFound, ""},
		"half of it is still there": {".DeleteItem", func(*world) {}, "copied/k", unlock.NotFound, "released only in part"},
		"another one is there": {
			"DELETE", func(w *world) { w.clear(); w.Lock("k", "another", w.Set.Buckets[0]) }, "k", unlock.Changed, "whether by this release or by its holder is not known",
		},
		"it is gone, and a copy of it is released": {
			"DELETE", func(w *world) { w.clear(); w.Lock("copied/k", "named", w.Set.Buckets[0]) }, "copied/k", unlock.Released, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Lock("k", "named", w.Set.All()...)
			w.scan()
			_, _ = w.run(dyingAt(tc.at), request(w, "named", fmt.Sprintf(`,"path":%q`, w.Path("k"))))
			tc.meanwhile(w)
			w.ahead += 5 * time.Minute
			a, err := w.run(&local.Wire{}, request(w, "named", fmt.Sprintf(`,"path":%q`, w.Path(tc.asked))))
			if err != nil || a.Outcome != tc.want {
				t.Errorf("%+v, %v", a, err)
			}
			heard := slices.DeleteFunc(w.releasesHeard(), func(text string) bool { return strings.Contains(text, "copied/k") })
			if len(heard) > 1 || (len(heard) > 0) != (tc.heard != "") || !strings.Contains(strings.Join(heard, ""), tc.heard) {
				t.Errorf("people hear %q", heard)
			}
			w.scanAfter(w.ahead + 5*time.Minute)
			if later := w.releasesHeard(); tc.want == unlock.Released && (len(later) != 2 || !strings.Contains(later[1], "is not known")) {
				t.Errorf("after the next scan people heard %q", later)
			}
			if left := w.unfinished(""); len(left) > 0 {
				t.Errorf("unfinished: %+v", left)
			}
			r, found, err := w.releases().LastRelease(t.Context(), ledger.Key{Path: w.Path("copied/k"), ID: "named"})
			if err != nil || found != (tc.want == unlock.Released) || (found && r.Description.Path != string(w.Path("copied/k"))) {
				t.Errorf("on record of the copy: %+v, %v, %v", r, found, err)
			}
		})
	}
}

// One half went, and of the other nobody knows yet: people are notified of the release once, when that is known.
func TestPeopleHearOfAReleaseWhenBothHalvesAreKnown(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.All()...)
	w.scan()
	var lost atomic.Bool
	wire := &local.Wire{
		Lose:   func(call string) bool { return call == "DELETE" && !lost.Swap(true) },
		Refuse: func(call string) bool { return lost.Load() && call == "GET" },
	}
	a, err := w.run(wire, request(w, "named", ""))
	if err != nil || a.Outcome != unlock.Partial || !slices.Equal(a.Released, []tflock.Kind{tflock.DynamoDB}) || !strings.Contains(strings.Join(a.NextSteps, "\n"), "Repeat the same call") {
		t.Errorf("%+v, %v", a, err)
	}
	if got := w.published(); len(got) > 0 {
		t.Errorf("published %q before it is known", got)
	}
	for range 2 {
		w.scanAfter(w.ahead + 5*time.Minute)
	}
	if heard := w.releasesHeard(); len(heard) != 1 || strings.Contains(heard[0], "in part") {
		t.Errorf("people hear %q", heard)
	}
}

// A dry run finishes nothing that an earlier release left: it touches nothing, and people hear nothing of it.
func TestADryRunFinishesNothing(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.Buckets[0])
	w.scan()
	_, _ = w.run(dyingAt("DELETE"), request(w, "named", ""))
	w.clear()
	w.ahead += 5 * time.Minute
	a, err := w.run(&local.Wire{}, request(w, "named", `,"dry_run":true`))
	if err != nil || a.Outcome != unlock.NotFound || len(w.published()) > 0 {
		t.Errorf("%+v, %v; published %q", a, err, w.published())
	}
	if left := w.unfinished(""); len(left) != 1 {
		t.Errorf("unfinished: %+v", left)
	}
}

// A store that cannot be read may have a half of the lock of that path: where nothing else is found the answer is
// not "not found", and where one half went it is not "released".
func TestAStoreThatCannotBeReadOnThePath(t *testing.T) {
	w := newWorld(t)
	byPath := fmt.Sprintf(`,"path":%q`, w.Path("k"))
	noRow := func() *local.Wire { // the first read of a row is that of the lock, and the others are of the ledger
		var rows atomic.Int64
		return &local.Wire{Refuse: func(call string) bool { return strings.HasSuffix(call, ".GetItem") && rows.Add(1) == 1 }}
	}
	if a, err := w.run(noRow(), request(w, "named", byPath)); err == nil || !strings.Contains(err.Error(), "not everything could be read") {
		t.Errorf("nothing there: %+v, %v", a, err)
	}
	w.Lock("k", "named", w.Set.Buckets[0])
	w.scan()
	if a, err := w.run(noRow(), request(w, "named", byPath+`,"force":true`)); err != nil || a.Outcome != unlock.Partial || !slices.Equal(a.Released, []tflock.Kind{tflock.S3}) {
		t.Errorf("one half: %+v, %v", a, err)
	}
}

// A ledger that cannot be read keeps every lock.
func TestNothingIsReleasedWithoutTheMemory(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.All()...)
	w.scan()
	var rows atomic.Int64 // the first is that of the lock
	wire := &local.Wire{Refuse: func(call string) bool { return strings.HasSuffix(call, ".GetItem") && rows.Add(1) > 1 }}
	a, err := w.run(wire, request(w, "named", fmt.Sprintf(`,"path":%q`, w.Path("k"))))
	if err == nil || !strings.Contains(err.Error(), "nothing was released") || !slices.Equal(w.held(), []string{"k named [dynamodb s3]"}) {
		t.Errorf("%+v, %v; held %q", a, err, w.held())
	}
}

// A release removed the object of a lock that no scan has seen, and not its row. The row that is there now has
// the ID and other bytes: what was proven of the former half says nothing of it, and it stays.
func TestAHalfWithOtherBytesIsNotAsOldAsTheFormerOne(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.All()...)
	noRowGoes := &local.Wire{Refuse: func(call string) bool { return strings.HasSuffix(call, ".DeleteItem") }}
	if a, err := w.run(noRowGoes, request(w, "named", "")); err != nil || a.Outcome != unlock.Partial || !slices.Equal(w.held(), []string{"k named [dynamodb]"}) {
		t.Fatalf("%+v, %v; held %q", a, err, w.held())
	}
	w.clear()
	raw, err := tflock.Info{ID: "named", Who: "somebody@else", Operation: "OperationTypeApply", Created: time.Now().UTC(), Path: string(w.Path("k"))}.Marshal()
	if err == nil {
		_, err = w.Set.Tables[0].Acquire(t.Context(), w.Path("k"), raw)
	}
	if err != nil {
		t.Fatal(err)
	}
	if a, err := w.run(&local.Wire{}, request(w, "named", "")); err != nil || a.Outcome != unlock.Refused || len(w.held()) != 1 {
		t.Errorf("%+v, %v; held %q", a, err, w.held())
	}
}

// Whether the state was written lately cannot be read: the lock stays, and force, which the record shows, ends it.
func TestAStateThatCannotBeLookedAtKeepsItsLock(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.Tables[0])
	w.scan()
	for _, force := range []string{"", `,"force":true`} {
		want := map[bool]unlock.Outcome{true: unlock.Refused, false: unlock.Released}[force == ""]
		var reads atomic.Int64 // the first is that of the lock's object
		wire := &local.Wire{Refuse: func(call string) bool { return call == "GET" && reads.Add(1) > 1 }}
		a, err := w.run(wire, request(w, "named", fmt.Sprintf(`,"path":%q`, w.Path("k"))+force))
		if err != nil || a.Outcome != want || (want == unlock.Refused && !strings.Contains(a.Message, "whether the state was written recently is not known")) {
			t.Errorf("force %q: %+v, %v", force, a, err)
		}
	}
	if r, found, err := w.releases().LastRelease(t.Context(), ledger.Key{Path: w.Path("k"), ID: "named"}); err != nil || !found || !r.Forced {
		t.Errorf("on record: %+v, %v", r, err)
	}
}

// The digest cannot be read after the release: the answer does not say that reads will work.
func TestADigestThatCannotBeReadIsNotCalledRight(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.Tables[0])
	w.scan()
	var gone atomic.Bool
	wire := &local.Wire{Refuse: func(call string) bool {
		if strings.HasSuffix(call, ".DeleteItem") {
			gone.Store(true)
		}
		return gone.Load() && strings.HasSuffix(call, ".GetItem")
	}}
	a, err := w.run(wire, request(w, "named", ""))
	steps := strings.Join(a.NextSteps, "\n")
	if err != nil || a.Outcome != unlock.Released || strings.Contains(steps, "reads will work") || !strings.Contains(steps, "Whether the digest matches the state could not be checked") {
		t.Errorf("%+v, %v", a, err)
	}
}
