package unlock_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

func isRead(call string) bool { return call == "GET" || strings.HasSuffix(call, ".GetItem") }

// fault fails the nth call, before or after its effect, and with it every read that
// follows, or none.
func fault(nth int, after, readsFail bool) (wire *local.Wire, calls *atomic.Int64) {
	calls = &atomic.Int64{}
	var hit atomic.Bool
	wire = &local.Wire{}
	wire.Refuse = func(call string) bool {
		now := calls.Add(1) == int64(nth)
		if hit.Load() && readsFail && isRead(call) {
			return true
		}
		if now {
			hit.Store(true)
		}
		return now && !after
	}
	var lost atomic.Bool
	wire.Lose = func(string) bool {
		return after && hit.Load() && calls.Load() == int64(nth) && !lost.Swap(true)
	}
	return wire, calls
}

// Every call can fail before or after its effect, and the reads that follow can fail
// too. The answer then claims nothing that is not so, people hear of a release once,
// and the repeat or the next scan finishes what is left.
func TestWhateverAnswerIsLostTheEndIsKnown(t *testing.T) {
	for _, mode := range []struct{ after, readsFail bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		for nth := 1; ; nth++ {
			name := fmt.Sprintf("call %d, after its effect %v, then no read %v", nth, mode.after, mode.readsFail)
			w := newWorld(t)
			w.lock("k", "named", w.set.All()...)
			w.lock("j", "other", w.set.All()...)
			wire, calls := fault(nth, mode.after, mode.readsFail)
			r := request(w, "named", fmt.Sprintf(`,"path":%q`, w.Path("k")))
			a, err := w.run(wire, r)
			left := w.held()
			whole := slices.Contains(left, "k named [dynamodb s3]")
			switch {
			case err != nil && !whole:
				t.Errorf("%s: it says %v, and a half is gone: %q", name, err, left)
			case err == nil && a.Outcome == unlock.Released && len(left) > 1:
				t.Errorf("%s: it says released, and left %q", name, left)
			case !slices.Contains(left, "j other [dynamodb s3]"):
				t.Errorf("%s: the other lock: %q", name, left)
			}
			if nth%2 == 0 {
				_, err = w.run(&local.Wire{}, r)
			}
			w.scanAfter(w.ahead + 5*time.Minute)
			if unfinished, listErr := w.releases().Unfinished(t.Context(), ""); err != nil && nth%2 == 0 || listErr != nil || len(unfinished) > 0 {
				t.Errorf("%s: %v, %v, unfinished %+v", name, err, listErr, unfinished)
			}
			released := len(slices.DeleteFunc(w.published(), func(kind string) bool { return kind != "lock.released" }))
			if gone := !strings.Contains(strings.Join(w.held(), " "), "named"); gone && (released == 0 || released > 2) {
				t.Errorf("%s: people heard of it %d times", name, released)
			}
			if int64(nth) > calls.Load() {
				break
			}
		}
	}
}

// A delete that had its effect and whose answer and look were lost: nobody says that it
// failed, and the next scan says once that the lock is gone.
func TestALostDeleteIsFinishedByTheMonitor(t *testing.T) {
	w := newWorld(t)
	w.lock("k", "named", w.set.Buckets[0])
	var gone atomic.Bool
	wire := &local.Wire{
		Lose:   func(call string) bool { return call == "DELETE" && !gone.Swap(true) },
		Refuse: func(call string) bool { return gone.Load() && call == "GET" },
	}
	a, err := w.run(wire, request(w, "named", fmt.Sprintf(`,"path":%q`, w.Path("k"))))
	if err != nil || a.Outcome != unlock.Partial || !strings.Contains(a.Message, "not known") || len(a.Released) != 0 {
		t.Fatalf("got %+v, %v", a, err)
	}
	w.scanAfter(w.ahead + time.Minute)
	if got := w.published(); len(got) != 0 {
		t.Errorf("while it may be at work: %q", got)
	}
	for range 2 {
		w.scanAfter(w.ahead + 5*time.Minute)
	}
	messages, err := server.Published(w.Topic)
	if err != nil || len(messages) != 1 || !strings.Contains(messages[0].Texts["default"], "by its holder is not known") {
		t.Errorf("published %+v, %v", messages, err)
	}
}

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
			func(w *world) backend.Store { return w.set.Tables[0] }, func(w *world) { w.TableARN = "" }, "is not watched any more",
		},
		"in a bucket that is not watched any more": {
			func(w *world) backend.Store { return w.set.Buckets[0] }, func(w *world) { w.BucketARN = "" }, "is not watched any more",
		},
		"in an object that was archived": {
			func(w *world) backend.Store { return w.set.Buckets[0] }, func(w *world) { w.archived = "k.tflock" }, "cannot be read",
		},
	} {
		for _, byScan := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", by a scan ", byScan), func(t *testing.T) {
				w := newWorld(t)
				w.lock("k", "named", tc.store(w))
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
				if len(heard) != 1 || err != nil || !found || !r.Finished || r.Any(ledger.HalfGone, ledger.HalfRemoved) {
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
			w.lock("k", "named", w.set.All()...)
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
			if left, err := w.releases().Unfinished(t.Context(), ""); err != nil || len(left) > 0 {
				t.Errorf("unfinished: %+v, %v", left, err)
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
	w.lock("k", "named", w.set.All()...)
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
	w.lock("k", "named", w.set.All()...)
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
		heard int           // how often people hear of a release
		says  string
	}{
		"the lock is still there":                       {again: time.Hour},
		"its holder has ended":                          {again: time.Hour, gone: true, heard: 1, says: "whether by this release or by its holder is not known"},
		"nobody may read it for a day, so nobody knows": {heard: 1, says: "may be there still"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.lock("k", "named", w.set.Buckets[0])
			w.scan()
			_, _ = w.run(dyingAt("DELETE"), request(w, "named", ""))
			w.denied = "k.tflock"
			if a, err := w.run(&local.Wire{}, request(w, "named", fmt.Sprintf(`,"path":%q,"dry_run":true`, w.Path("k")))); err != nil || a.Outcome != unlock.Refused {
				t.Errorf("while it may not be read: %+v, %v", a, err)
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
			left, err := w.releases().Unfinished(t.Context(), "")
			if len(heard) != tc.heard || err != nil || len(left) > 0 {
				t.Errorf("people heard %q; unfinished %+v, %v", heard, left, err)
			}
		})
	}
}

// The holder releases its lock after our invocation died before its first delete.
func TestAHolderThatEndsAfterOurRunDied(t *testing.T) {
	w := newWorld(t)
	w.lock("k", "named", w.set.Buckets[0])
	var dead atomic.Bool
	wire := &local.Wire{Refuse: func(call string) bool {
		if call == "DELETE" {
			dead.Store(true)
		}
		return dead.Load()
	}}
	_, _ = w.run(wire, request(w, "named", ""))
	w.clear()
	a, err := w.run(&local.Wire{}, request(w, "named", ""))
	if err != nil || a.Outcome != unlock.NotFound || !strings.Contains(a.Message, "whether by the release that me asked for") {
		t.Errorf("got %+v, %v", a, err)
	}
	w.scanAfter(w.ahead + 5*time.Minute)
	if got := w.published(); !slices.Equal(got, []string{"lock.released"}) {
		t.Errorf("published %q", got)
	}
}

// While SNS is down the caller of a refusal learns that the lock stays, the record is
// there, and people hear of it once, later.
func TestARefusalWhileNobodyCanBeNotified(t *testing.T) {
	w := newWorld(t)
	w.ahead = time.Minute
	w.lock("k", "named", w.set.All()...)
	down := &local.Wire{Refuse: func(call string) bool { return call == "POST" }} // SNS speaks the query protocol
	a, err := w.run(down, request(w, "named", ""))
	if err != nil || a.Outcome != unlock.Refused || !strings.Contains(strings.Join(a.NextSteps, "\n"), "not published") {
		t.Fatalf("got %+v, %v", a, err)
	}
	if left, err := w.releases().Unfinished(t.Context(), "named"); err != nil || len(left) != 1 || left[0].Release.Held[0].Raw == "" {
		t.Errorf("on record: %+v, %v", left, err)
	}
	for range 2 {
		w.scanAfter(w.ahead + 5*time.Minute)
	}
	if got := w.published(); !slices.Equal(got, []string{"lock.refused"}) {
		t.Errorf("published %q", got)
	}
	noLedger := &local.Wire{Refuse: func(call string) bool { return strings.HasSuffix(call, "BatchWriteItem") }}
	if a, err := w.run(noLedger, request(w, "named", "")); err != nil || a.Outcome != unlock.Refused {
		t.Errorf("without the ledger: %+v, %v", a, err)
	}
}

// What cannot be read on the path may be the lock: it is never "not found", and stays.
func TestSomethingUnreadableOnThePath(t *testing.T) {
	w := newWorld(t)
	if _, err := w.set.Tables[0].Acquire(context.Background(), w.Path("k"), []byte("me, until noon")); err != nil {
		t.Fatal(err)
	}
	byPath := fmt.Sprintf(`,"path":%q,"force":true`, w.Path("k"))
	a, err := w.run(&local.Wire{}, request(w, "named", byPath))
	if err != nil || a.Outcome != unlock.Refused || !strings.Contains(a.Message, "cannot be read") {
		t.Errorf("alone: %+v, %v", a, err)
	}
	w.lock("k", "named", w.set.Buckets[0])
	a, err = w.run(&local.Wire{}, request(w, "named", byPath))
	if err != nil || a.Outcome != unlock.Partial || len(a.Released) != 1 {
		t.Errorf("beside our half: %+v, %v", a, err)
	}
	if h, there, err := w.set.Tables[0].Find(t.Context(), w.Path("k")); err != nil || !there || h.Raw != "me, until noon" {
		t.Errorf("left %+v, %v, %v", h, there, err)
	}
}

// A release of the half that can be read was not published: the repeat does it, although it
// is refused for the half that cannot be read.
func TestTheRepeatFinishesBesideSomethingUnreadable(t *testing.T) {
	w := newWorld(t)
	w.lock("k", "named", w.set.Tables[0])
	key := "k.tflock"
	if _, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: &key, Body: strings.NewReader("no lock at all")}); err != nil {
		t.Fatal(err)
	}
	byPath := fmt.Sprintf(`,"path":%q,"force":true`, w.Path("k"))
	down := &local.Wire{Refuse: func(call string) bool { return call == "POST" }} // SNS speaks the query protocol
	if a, err := w.run(down, request(w, "named", byPath)); err != nil || a.Outcome != unlock.Partial || len(w.published()) != 0 {
		t.Fatalf("got %+v, %v", a, err)
	}
	a, err := w.run(&local.Wire{}, request(w, "named", byPath))
	if err != nil || a.Outcome != unlock.Refused || !slices.Contains(w.published(), "lock.released") {
		t.Errorf("repeated: %+v, %v; published %q", a, err, w.published())
	}
}

// What cannot be read elsewhere may be the lock that an ID alone names: the answer counts
// it and asks for the path. With the path it does not matter.
func TestNotFoundBesideWhatCannotBeReadElsewhere(t *testing.T) {
	w := newWorld(t)
	for _, key := range []string{"j.tflock", "l.tflock"} {
		if _, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: &key, Body: strings.NewReader("no lock at all")}); err != nil {
			t.Fatal(err)
		}
	}
	a, err := w.run(&local.Wire{}, request(w, "named", ""))
	if err != nil || a.Outcome != unlock.NotFound || !strings.Contains(a.Message, "2 cannot be read and may be it") || !strings.Contains(a.Message, "path") {
		t.Errorf("by its ID: %+v, %v", a, err)
	}
	a, err = w.run(&local.Wire{}, request(w, "named", fmt.Sprintf(`,"path":%q`, w.Path("k"))))
	if err != nil || a.Outcome != unlock.NotFound || strings.Contains(a.Message, "cannot be read") {
		t.Errorf("by its path: %+v, %v", a, err)
	}
	a, err = w.run(&local.Wire{}, request(w, "named", fmt.Sprintf(`,"path":%q`, w.Path("j"))))
	if err != nil || a.Outcome != unlock.Refused {
		t.Errorf("by the path of what cannot be read: %+v, %v", a, err)
	}
	if left := w.held(); len(left) != 2 || len(w.published()) != 1 { // the refusal
		t.Errorf("left %q, published %q", left, w.published())
	}
	w.lock("k", "named", w.set.Buckets[0])
	lost := &local.Wire{Lose: func(call string) bool { return call == "DELETE" }, Refuse: func(call string) bool { return call == "POST" }}
	if a, err := w.run(lost, request(w, "named", "")); err != nil || a.Outcome != unlock.Released {
		t.Fatalf("released: %+v, %v", a, err)
	}
	a, err = w.run(&local.Wire{}, request(w, "named", ""))
	if err != nil || a.Outcome != unlock.NotFound || !strings.Contains(a.Message, "is gone") {
		t.Errorf("repeated: an earlier release explains it better than what cannot be read: %+v, %v", a, err)
	}
}

// An ID of 390 KB: its lock goes by path and short name, and the record holds a part of it.
func TestALockWithAHugeIDIsReleased(t *testing.T) {
	w := newWorld(t)
	id := strings.Repeat("x", 380_000)
	w.lock("k", id, w.set.Buckets[0])
	a, err := w.run(&local.Wire{}, request(w, id, fmt.Sprintf(`,"path":%q`, w.Path("k"))))
	if err != nil || a.Outcome != unlock.Released || !strings.HasPrefix(a.Lock.ID, "sha256:") {
		t.Fatalf("got %.300v, %v", fmt.Sprint(a), err)
	}
	r, found, err := w.releases().LastRelease(t.Context(), ledger.Key{Path: w.Path("k"), ID: a.Lock.ID})
	if err != nil || !found || !r.Finished || len(r.Held) != 1 || r.Held[0].Size < 380_000 || r.Held[0].Raw == "" || len(r.Held[0].SHA256) != 64 {
		t.Errorf("on record: %v, %v, %d", found, err, len(r.Held))
	}
	w.lock("k", id, w.set.Buckets[0])
	if a, err = w.run(&local.Wire{}, request(w, a.Lock.ID, fmt.Sprintf(`,"path":%q`, w.Path("k")))); err != nil || a.Outcome != unlock.Released {
		t.Errorf("by its short name: %v, %v", a.Message, err)
	}
}
