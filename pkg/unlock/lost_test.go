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
	"github.com/lockwarden/lockwarden/pkg/ledger"
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
// too. The answer then claims nothing that is not so, people are notified of a release once,
// and the repeat or the next scan finishes what is left.
func TestWhateverAnswerIsLostTheEndIsKnown(t *testing.T) {
	for _, mode := range []struct{ after, readsFail bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		for nth := 1; ; nth++ {
			name := fmt.Sprintf("call %d, after its effect %v, then no read %v", nth, mode.after, mode.readsFail)
			w := newWorld(t)
			w.Lock("k", "named", w.Set.All()...)
			w.Lock("j", "other", w.Set.All()...)
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
			if unfinished := w.unfinished(""); err != nil && nth%2 == 0 || len(unfinished) > 0 {
				t.Errorf("%s: %v, unfinished %+v", name, err, unfinished)
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
	w.Lock("k", "named", w.Set.Buckets[0])
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

// The holder releases its lock after our invocation died before its first delete.
func TestAHolderThatEndsAfterOurRunDied(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.Buckets[0])
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
// there, and people are notified of it once, later.
func TestARefusalWhileNobodyCanBeNotified(t *testing.T) {
	w := newWorld(t)
	w.ahead = time.Minute
	w.Lock("k", "named", w.Set.All()...)
	down := &local.Wire{Refuse: func(call string) bool { return call == "POST" }} // SNS speaks the query protocol
	a, err := w.run(down, request(w, "named", ""))
	if err != nil || a.Outcome != unlock.Refused || !strings.Contains(strings.Join(a.NextSteps, "\n"), "not published") {
		t.Fatalf("got %+v, %v", a, err)
	}
	if left := w.unfinished("named"); len(left) != 1 || left[0].Release.Held[0].Raw == "" {
		t.Errorf("on record: %+v", left)
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

// Our run dies before it could say that it refuses: the next scan says so, once.
func TestARefusalThatDiesBeforeAnybodyIsNotified(t *testing.T) {
	w := newWorld(t)
	w.ahead = time.Minute
	w.Lock("k", "named", w.Set.All()...)
	_, _ = w.run(dyingAt("POST"), request(w, "named", "")) // SNS speaks the query protocol
	for range 2 {
		w.scanAfter(w.ahead + 5*time.Minute)
	}
	if got := w.published(); !slices.Equal(got, []string{"lock.refused"}) {
		t.Errorf("published %q", got)
	}
}

// What cannot be read on the path may be the lock: it is never "not found", and stays.
func TestSomethingUnreadableOnThePath(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Set.Tables[0].Acquire(context.Background(), w.Path("k"), []byte("me, until noon")); err != nil {
		t.Fatal(err)
	}
	byPath := fmt.Sprintf(`,"path":%q,"force":true`, w.Path("k"))
	a, err := w.run(&local.Wire{}, request(w, "named", byPath))
	if err != nil || a.Outcome != unlock.Refused || !strings.Contains(a.Message, "cannot be read") {
		t.Errorf("alone: %+v, %v", a, err)
	}
	w.Lock("k", "named", w.Set.Buckets[0])
	a, err = w.run(&local.Wire{}, request(w, "named", byPath))
	if err != nil || a.Outcome != unlock.Partial || len(a.Released) != 1 {
		t.Errorf("beside our half: %+v, %v", a, err)
	}
	if h, there, err := w.Set.Tables[0].Find(t.Context(), w.Path("k")); err != nil || !there || h.Raw != "me, until noon" {
		t.Errorf("left %+v, %v, %v", h, there, err)
	}
}

// A release of the half that can be read was not published: the repeat does it, although it
// is refused for the half that cannot be read.
func TestTheRepeatFinishesBesideSomethingUnreadable(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.Tables[0])
	key := "k.tflock"
	if _, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: &key, Body: strings.NewReader("no lock at all")}); err != nil {
		t.Fatal(err)
	}
	byPath := fmt.Sprintf(`,"path":%q,"force":true`, w.Path("k"))
	down := &local.Wire{Refuse: func(call string) bool { return call == "POST" }} // SNS speaks the query protocol
	if a, err := w.run(down, request(w, "named", byPath)); err != nil || a.Outcome != unlock.Partial || len(w.published()) != 0 ||
		!strings.Contains(strings.Join(a.NextSteps, "\n"), "not published or recorded everywhere") {
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
	w.Lock("k", "named", w.Set.Buckets[0])
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
	w.Lock("k", id, w.Set.Buckets[0])
	a, err := w.run(&local.Wire{}, request(w, id, fmt.Sprintf(`,"path":%q`, w.Path("k"))))
	if err != nil || a.Outcome != unlock.Released || !strings.HasPrefix(a.Lock.ID, "sha256:") {
		t.Fatalf("got %.300v, %v", fmt.Sprint(a), err)
	}
	r, found, err := w.releases().LastRelease(t.Context(), ledger.Key{Path: w.Path("k"), ID: a.Lock.ID})
	if err != nil || !found || !r.Finished || len(r.Held) != 1 || r.Held[0].Size < 380_000 || r.Held[0].Raw == "" || len(r.Held[0].SHA256) != 64 {
		t.Errorf("on record: %v, %v, %d", found, err, len(r.Held))
	}
	w.Lock("k", id, w.Set.Buckets[0])
	if a, err = w.run(&local.Wire{}, request(w, a.Lock.ID, fmt.Sprintf(`,"path":%q`, w.Path("k")))); err != nil || a.Outcome != unlock.Released {
		t.Errorf("by its short name: %v, %v", a.Message, err)
	}
}
