package repair_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
)

// Cut at any call, before or after its effect: clients can read what is left, and a repeat
// finishes.
func TestACrashLeavesAReadableState(t *testing.T) {
	for name, prepare := range map[string]func(w *world) repair.Request{
		"accept_state": func(w *world) repair.Request {
			w.Put(key, serial(t, 5))
			w.digest(w.Table, local.MD5([]byte("another")))
			return w.request(policy.AcceptState, "")
		},
		"restore_version": func(w *world) repair.Request {
			version := w.Put(key, serial(t, 4))
			w.Put(key, serial(t, 5))
			w.digest(w.Table, local.MD5(serial(t, 5)))
			return w.request(policy.RestoreVersion, version)
		},
		"delete_digest": func(w *world) repair.Request {
			w.Put(key, serial(t, 5))
			w.Remove(key)
			w.digest(w.Table, local.MD5(serial(t, 5)))
			return w.request(policy.DeleteDigest, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for variant, after := range []bool{false, true} {
				for cut := range local.Calls(variant) {
					if calls := mustSurvive(t, name, prepare, cut, after); calls < cut {
						if cut < 12 {
							t.Errorf("a repair made only %d calls", calls)
						}
						break
					}
				}
			}
		})
	}
}

// mustSurvive cuts a repair at a call, repeats it, and returns how many calls it made before it died.
func mustSurvive(t *testing.T, name string, prepare func(w *world) repair.Request, cut int, after bool) int {
	t.Helper()
	w := newWorld(t)
	request := prepare(w)
	wire := &local.Wire{CutAt: cut, AfterEffect: after}
	_, _ = w.run(wire, request) // dies
	if name == "restore_version" {
		w.Readable(key)
	}
	w.now = w.now.Add(20 * time.Minute) // its deadline has passed
	if answer, err := w.run(&local.Wire{}, request); err != nil || (answer.Outcome != repair.Repaired && answer.Outcome != repair.NothingToDo) {
		t.Errorf("cut %d (%v): %+v, %v", cut, after, answer, err)
	}
	want := [2]string{local.MD5([]byte(w.content())), ""}
	if name == "delete_digest" {
		want = [2]string{}
	}
	if digests := w.Digests(key); digests != want || len(w.held()) > 0 {
		t.Errorf("cut %d (%v): the repeat left digests %q, held %q", cut, after, digests, w.held())
	}
	if n := len(w.Published()); n == 0 || n > 2 {
		t.Errorf("cut %d (%v): %d messages", cut, after, n)
	}
	return wire.Calls()
}

// A repair that cannot go on leaves the digests as they were, and its answer and record say
// what is different: here a client writes another digest without a lock, or AWS refuses the
// state, when one digest is deleted already.
func TestDigestsThatWereDeletedComeBack(t *testing.T) {
	t.Parallel()
	now, stale := serial(t, 5), local.MD5([]byte("another"))
	for name, tc := range map[string]struct {
		wire    func(w *world) *local.Wire
		outcome repair.Outcome
		content []byte
		digests [2]string
		says    string
	}{
		"a client writes the second digest": {
			func(w *world) *local.Wire {
				return w.before("DeleteItem", 4, func() { w.digest(w.Table+"-other", "0123") })
			},
			repair.Changed, now,
			[2]string{stale, "0123"},
			"is 0123 now",
		},
		"AWS refuses the state": {
			func(*world) *local.Wire { return nil },
			repair.Refused, now,
			[2]string{stale, stale},
			"Nothing is different",
		},
		"a client writes another state, whose digest none of them is": {
			func(w *world) *local.Wire { return w.before(http.MethodPut, 3, func() { w.Put(key, serial(t, 6)) }) },
			repair.Changed, serial(t, 6),
			[2]string{},
			"was removed and does not belong to the state",
		},
		"a client writes the state that the digests are of": {
			func(w *world) *local.Wire {
				return w.before(http.MethodPut, 3, func() { w.Put(key, []byte("another")) })
			},
			repair.Changed, []byte("another"),
			[2]string{stale, stale},
			"another one than before",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			version := w.Put(key, serial(t, 4))
			w.Put(key, now)
			w.digest(w.Table, stale)
			w.digest(w.Table+"-other", stale)
			cfg := server.ConfigOver(&local.Wire{})
			if wire := tc.wire(w); wire != nil {
				cfg.HTTPClient = wire
			} else {
				cfg.HTTPClient = noStates{http.DefaultTransport}
			}
			answer, err := w.repairer(cfg).Run(context.Background(), w.request(policy.RestoreVersion, version), "request")
			if err != nil || answer.Outcome != tc.outcome || !strings.Contains(answer.Message, tc.says) || len(answer.NextSteps) == 0 {
				t.Errorf("%+v, %v", answer, err)
			}
			if w.content() != string(tc.content) || w.Digests(key) != tc.digests || len(w.held()) > 0 {
				t.Errorf("left %.60q, digests %q, held %q", w.content(), w.Digests(key), w.held())
			}
			records, err := w.records()
			if err != nil || len(records) != 1 || records[0].Done || records[0].After.StateMD5 != local.MD5(tc.content) || len(records[0].After.Digests) != len(answer.After.Digests) {
				t.Errorf("on record: %+v, %v", records, err)
			}
		})
	}
}

// A repair that AWS refused is over. Whoever sets the digest by hand then did it, and a
// repeat that finds nothing to do reports nobody's repair.
func TestARepairThatStoppedIsNotTakenForDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	version := w.Put(key, serial(t, 4))
	w.Put(key, serial(t, 5))
	w.digest(w.Table, local.MD5(serial(t, 5)))
	cfg := server.ConfigOver(&local.Wire{})
	cfg.HTTPClient = noStates{http.DefaultTransport}
	request := w.request(policy.RestoreVersion, version)
	if answer, err := w.repairer(cfg).Run(context.Background(), request, "request"); err != nil || answer.Outcome != repair.Refused {
		t.Fatalf("%+v, %v", answer, err)
	}
	w.Put(key, serial(t, 4))
	w.digest(w.Table, local.MD5(serial(t, 4)))
	answer, err := w.run(&local.Wire{}, request)
	if err != nil || answer.Outcome != repair.NothingToDo || strings.Contains(answer.Message, "notified") || len(w.Published()) > 0 {
		t.Errorf("%+v, %v, %d messages", answer, err, len(w.Published()))
	}
}

// A repair died with both locks. Whatever its repeat answers, the locks are gone.
func TestARepeatClearsTheLocksOfADeadRepair(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		since func(w *world, r *repair.Request)
		want  repair.Outcome
	}{
		"it repairs":                        {func(*world, *repair.Request) {}, repair.Repaired},
		"there is nothing to do any more":   {func(w *world, _ *repair.Request) { w.digest(w.Table, local.MD5(serial(t, 5))) }, repair.NothingToDo},
		"it is refused, without a state":    {func(w *world, _ *repair.Request) { w.Remove(key) }, repair.Refused},
		"another state is there than shown": {func(_ *world, r *repair.Request) { r.StateMD5 = local.MD5([]byte("another")) }, repair.Changed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Put(key, serial(t, 5))
			w.digest(w.Table, local.MD5([]byte("another")))
			request := w.request(policy.AcceptState, "")
			updates := &local.Wire{Refuse: func(call string) bool { return len(w.held()) == 3 && strings.HasSuffix(call, "Item") }}
			if _, err := w.run(updates, request); err == nil || len(w.held()) != 3 {
				t.Fatalf("%v, held %q", err, w.held())
			}
			tc.since(w, &request)
			w.now = w.now.Add(20 * time.Minute)
			answer, err := w.run(&local.Wire{}, request)
			if err != nil || answer.Outcome != tc.want || len(w.held()) > 0 {
				t.Errorf("%+v, %v, held %q", answer, err, w.held())
			}
		})
	}
}
