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

// releasesHeard are the texts of the releases that people were notified of.
func (w *world) releasesHeard() []string {
	w.Helper()
	messages, err := server.Published(w.Topic)
	if err != nil {
		w.Fatal(err)
	}
	var texts []string
	for _, m := range messages {
		if m.Attributes["type"] == "lock.released" {
			texts = append(texts, m.Texts["default"])
		}
	}
	return texts
}

// What nobody can find out is not called gone: a half in a table that is not watched any
// more, and one whose object cannot be read any more. People learn that once, by the repeat
// or by the next scan.
func TestAHalfThatNobodyCanLookAtIsNotGone(t *testing.T) {
	for name, tc := range map[string]struct {
		store func(w *world) backend.Store
		hide  func(w *world)
		says  string
	}{
		"in a table that is not watched any more": {
			func(w *world) backend.Store { return w.Set.Tables[0] }, func(w *world) { w.TableARN = "" }, "is not watched any more",
		},
		"in a bucket that is not watched any more": {
			func(w *world) backend.Store { return w.Set.Buckets[0] }, func(w *world) { w.BucketARN = "" }, "is not watched any more",
		},
		"in an object that was archived": {
			func(w *world) backend.Store { return w.Set.Buckets[0] }, func(w *world) { w.archived = "k.tflock" }, "cannot be read",
		},
	} {
		for _, byScan := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", by a scan ", byScan), func(t *testing.T) {
				w := newWorld(t)
				w.Lock("k", "named", tc.store(w))
				w.scan()
				var dead atomic.Bool
				wire := &local.Wire{Refuse: func(call string) bool {
					if call == "DELETE" || strings.HasSuffix(call, ".DeleteItem") {
						dead.Store(true)
					}
					return dead.Load()
				}}
				_, _ = w.run(wire, request(w, "named", "")) // dies before its delete
				tc.hide(w)
				if !byScan {
					a, err := w.run(&local.Wire{}, request(w, "named", fmt.Sprintf(`,"path":%q`, w.Path("k"))))
					if err != nil || a.Outcome == unlock.Released || len(a.Released) > 0 || strings.Contains(a.Message, "is gone;") || !strings.Contains(a.Message, tc.says) {
						t.Errorf("the repeat says %+v, %v", a, err)
					}
				}
				for range 2 {
					w.scanAfter(w.ahead + 5*time.Minute)
				}
				heard := w.releasesHeard()
				for _, text := range heard {
					if !strings.Contains(text, "may be there still") || !strings.Contains(text, tc.says) || strings.Contains(text, "is gone;") {
						t.Errorf("people hear %s", text)
					}
				}
				r, found, err := w.releases().LastRelease(t.Context(), ledger.Key{Path: w.Path("k"), ID: "named"})
				if len(heard) != 1 || err != nil || !found || !r.Finished || r.Outcome != "unknown" || r.Any(ledger.HalfGone, ledger.HalfRemoved) {
					t.Errorf("people heard %d times; on record: %+v, %v", len(heard), r, err)
				}
			})
		}
	}
}

// A release cannot remove the half in a table that nobody watches any more. Answer, record and
// event all say so, whether an earlier release died before or a scan alone saw that half, and
// none of them says that the lock was released.
func TestAHalfInAStoreThatIsNotWatchedAnyMore(t *testing.T) {
	for _, died := range []bool{false, true} {
		t.Run(fmt.Sprint("after a release that died: ", died), func(t *testing.T) {
			w := newWorld(t)
			w.Lock("k", "named", w.Set.All()...)
			w.scan()
			if died {
				_, _ = w.run(dyingAt("DELETE"), request(w, "named", ""))
			}
			table := w.TableARN
			w.TableARN = ""
			if a, err := w.run(&local.Wire{}, request(w, "named", `,"dry_run":true`)); err != nil || !strings.Contains(strings.Join(a.NextSteps, "\n"), table) {
				t.Errorf("a dry run says %+v, %v", a, err)
			}
			a, err := w.run(&local.Wire{}, request(w, "named", ""))
			if err != nil || a.Outcome != unlock.Partial || !slices.Equal(a.Released, []tflock.Kind{tflock.S3}) || !strings.Contains(a.Message, table+" is not watched any more") {
				t.Errorf("the answer is %+v, %v", a, err)
			}
			w.scanAfter(w.ahead + 5*time.Minute)
			messages, err := server.Published(w.Topic)
			if err != nil || len(messages) != 1 || messages[0].Attributes["type"] != "lock.released" ||
				!strings.Contains(messages[0].Texts["default"], "released in part") || !strings.Contains(messages[0].Texts["default"], "is not watched any more") {
				t.Errorf("people hear %+v, %v", messages, err)
			}
			r, found, err := w.releases().LastRelease(t.Context(), ledger.Key{Path: w.Path("k"), ID: "named"})
			if err != nil || !found || r.Outcome != string(unlock.Partial) || !slices.Equal(r.Kinds(ledger.HalfUnwatched), []tflock.Kind{tflock.DynamoDB}) {
				t.Errorf("on record: %+v, %v", r, err)
			}
			if left := w.unfinished(""); len(left) > 0 {
				t.Errorf("unfinished: %+v", left)
			}
		})
	}
}

// dyingAt is the wire of an invocation that dies before it can send such a call.
func dyingAt(end string) *local.Wire {
	var dead atomic.Bool
	return &local.Wire{Refuse: func(call string) bool {
		if strings.HasSuffix(call, end) {
			dead.Store(true)
		}
		return dead.Load()
	}}
}

// The half in a table that nobody watches any more is neither called gone while the other is
// there, nor is the lock called resolved once that one is gone.
func TestAHalfThatIsNotWatchedAnyMoreIsUnknown(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.All()...)
	w.scanAfter(time.Hour)
	w.TableARN = ""
	report := w.scanAfter(time.Hour + 5*time.Minute)
	said := fmt.Sprint(report.Locks[0].Evidence.Reasons)
	if strings.Contains(said, "is gone") || !strings.Contains(said, "is not watched any more") {
		t.Errorf("evidence: %s", said)
	}
	w.clear()
	w.scanAfter(time.Hour + 10*time.Minute)
	if got := w.published(); !slices.Equal(got, []string{"lock.stuck"}) {
		t.Errorf("published %q", got)
	}
}

// The object of a lock may not be read for a while: its row is not called half of a lock.
func TestAHalfThatCannotBeReadIsNotGone(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.All()...)
	w.scanAfter(time.Hour)
	w.denied = "k.tflock"
	report := w.scanAfter(time.Hour + 5*time.Minute)
	for _, l := range report.Locks {
		if said := fmt.Sprint(l.Evidence.Reasons); l.ID == "named" && (strings.Contains(said, "is gone") || !strings.Contains(said, "that cannot be read")) {
			t.Errorf("evidence: %s", said)
		}
	}
	w.denied = ""
	w.scanAfter(time.Hour + 10*time.Minute)
	if got := w.published(); !slices.Equal(got, []string{"lock.stuck", "lock.unreadable"}) {
		t.Errorf("published %q", got)
	}
}

// A release whose end could not be read while a key may not be used, as in the midst of a
// deployment: the next scan that may read again says how it ended, and only after a day
// nobody knows.
func TestWhatMayPassIsLookedAtAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		again time.Duration // when the key may be used again; zero: never
		gone  bool          // the holder ended meanwhile
		heard int           // how often people are notified of a release
		says  string
	}{
		"the lock is still there":                       {again: time.Hour},
		"its holder has ended":                          {again: time.Hour, gone: true, heard: 1, says: "whether by this release or by its holder is not known"},
		"nobody may read it for a day, so nobody knows": {heard: 1, says: "may be there still"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Lock("k", "named", w.Set.Buckets[0])
			w.scan()
			_, _ = w.run(dyingAt("DELETE"), request(w, "named", ""))
			w.denied = "k.tflock"
			for _, dry := range []bool{true, false} {
				if a, err := w.run(&local.Wire{}, request(w, "named", fmt.Sprintf(`,"path":%q,"dry_run":%v`, w.Path("k"), dry))); err != nil || a.Outcome != unlock.Refused {
					t.Errorf("while it may not be read: %+v, %v", a, err)
				}
			}
			for _, later := range []time.Duration{5 * time.Minute, 30 * time.Minute, time.Hour, 20 * time.Hour, 25 * time.Hour} {
				if tc.again == later {
					w.denied = ""
					if tc.gone {
						w.clear()
					}
				}
				w.scanAfter(w.ahead + later)
				released := slices.DeleteFunc(w.published(), func(kind string) bool { return kind != "lock.released" })
				if known := (tc.again > 0 && later >= tc.again) || later > 24*time.Hour; !known && len(released) > 0 {
					t.Errorf("after %v people heard %q", later, released)
				}
			}
			heard := w.releasesHeard()
			for _, text := range heard {
				if !strings.Contains(text, tc.says) {
					t.Errorf("people hear %s", text)
				}
			}
			if left := w.unfinished(""); len(heard) != tc.heard || len(left) > 0 {
				t.Errorf("people heard %q; unfinished %+v", heard, left)
			}
		})
	}
}
