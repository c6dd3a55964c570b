package repair_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
)

func TestNothingIsRepairedWhileATableCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Put(key, serial(t, 5))
	w.digest(w.Table, local.MD5([]byte("another")))
	before := w.Digests(key)
	wire := &local.Wire{Refuse: func(call string) bool { return strings.HasSuffix(call, ".GetItem") || strings.HasSuffix(call, ".Scan") }}
	answer, err := w.run(wire, w.request(policy.AcceptState, ""))
	if err != nil || answer.Outcome != repair.Refused || w.Digests(key) != before || len(w.held()) > 0 {
		t.Errorf("%+v, %v", answer, err)
	}
}

// A client that does not lock writes in between: its state stays.
func TestWhatWasWrittenInBetweenStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	version := w.Put(key, serial(t, 4))
	w.Put(key, serial(t, 5))
	w.digest(w.Table, local.MD5(serial(t, 5)))
	foreign := serial(t, 6)
	puts, wrote := 0, false
	wire := &local.Wire{Before: func(call string) {
		if call != http.MethodPut {
			return
		}
		if puts++; puts == 3 { // behind the lock object, twice
			wrote = true
			w.Put(key, foreign)
		}
	}}
	answer, err := w.run(wire, w.request(policy.RestoreVersion, version))
	if err != nil || !wrote || answer.Outcome != repair.Changed || w.content() != string(foreign) || len(w.held()) > 0 {
		t.Errorf("%+v, %v, wrote %v", answer, err, wrote)
	}
	w.Readable(key)
}

// A client applies between the judgement and our lock: what it wrote stays, and the repair is not made of
// a state that nobody has judged.
func TestWhatWasWrittenBeforeTheLockStays(t *testing.T) {
	t.Parallel()
	for _, action := range []policy.RepairAction{policy.AcceptState, policy.RestoreVersion, policy.DeleteDigest} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			version, wanted := w.Put(key, serial(t, 4)), ""
			switch action {
			case policy.RestoreVersion:
				wanted = version
				w.Put(key, serial(t, 5))
			case policy.DeleteDigest:
				w.Remove(key)
			case policy.AcceptState:
			}
			w.digest(w.Table, local.MD5([]byte("another")))
			foreign := serial(t, 6)
			wire := w.before(http.MethodPut, 1, func() { w.Apply(key, foreign) }) // the first is of our lock object
			answer, err := w.run(wire, w.request(action, wanted))
			if err != nil || answer.Outcome != repair.Changed || w.content() != string(foreign) || w.Digests(key)[0] != local.MD5(foreign) || len(w.held()) > 0 {
				t.Errorf("%+v, %v, digests %q", answer, err, w.Digests(key))
			}
			if records, err := w.records(); err != nil || len(records) > 0 {
				t.Errorf("on record: %+v, %v", records, err)
			}
		})
	}
}

// Somebody force-unlocks the state while we have just locked it, and a client may be at work: nothing is
// written.
func TestNothingIsRepairedWithoutOurLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	version := w.Put(key, serial(t, 4))
	w.Put(key, serial(t, 5))
	w.digest(w.Table, local.MD5([]byte("another")))
	before := w.Digests(key)
	rows, unlocked := 0, false
	wire := &local.Wire{Before: func(call string) {
		if strings.HasSuffix(call, "PutItem") {
			rows++
		}
		if rows < 4 || unlocked || call != http.MethodGet { // two tables, locked twice
			return
		}
		unlocked = true
		for _, s := range w.Set.All() {
			h, found, err := s.Find(t.Context(), w.Path(key))
			if err == nil && found {
				err = s.Release(t.Context(), h)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}}
	answer, err := w.run(wire, w.request(policy.RestoreVersion, version))
	if err != nil || !unlocked || answer.Outcome != repair.Locked || !strings.Contains(answer.Message, "our own lock on it was taken away") || w.content() != string(serial(t, 5)) || w.Digests(key) != before {
		t.Errorf("%+v, %v, unlocked %v, digests %q", answer, err, unlocked, w.Digests(key))
	}
}

// A store that ignores a condition would let a repair overwrite what a client has just
// written: there it writes nothing.
func TestNothingIsRepairedInAStoreThatIgnoresConditions(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		store string // whose name the answer says
		wire  *local.Careless
	}{
		"of a lock":                   {"bucket", &local.Careless{Ignores: "If-None-Match"}},
		"of a release":                {"bucket", &local.Careless{Ignores: "If-Match", Of: http.MethodDelete}},
		"of a write over a state":     {"bucket", &local.Careless{Ignores: "If-Match", Of: http.MethodPut}},
		"nobody knows: it is refused": {"bucket", &local.Careless{Denies: http.MethodPut}},
		"of a row's lock":             {"table", &local.Careless{Row: "PutItem"}},
		"of a row's release":          {"table", &local.Careless{Row: "DeleteItem"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.Put(key, serial(t, 5))
			w.digest(w.Table, local.MD5([]byte("another")))
			before := w.Digests(key)
			cfg := server.Config()
			cfg.HTTPClient = tc.wire
			r := w.repairer(cfg)
			r.Stores.Distrust()
			answer, err := r.Run(t.Context(), w.request(policy.AcceptState, ""), "request")
			if err != nil || answer.Outcome != repair.Refused || !strings.Contains(answer.Message, "safely") || !strings.Contains(answer.Message, map[string]string{"bucket": w.BucketARN, "table": w.Set.Tables[0].ARN()}[tc.store]) || w.Digests(key) != before || len(w.held()) > 0 {
				t.Errorf("%+v, %v, digests %q", answer, err, w.Digests(key))
			}
		})
	}
}
