package inventory_test

import (
	"context"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// digestOf writes the digest of a state in any bucket.
func (w *world) digestOf(path, value string) {
	w.Helper()
	if err := server.SetDigest(context.Background(), w.Table, path, value); err != nil {
		w.Fatal(err)
	}
}

// The digest mismatch names the version that the digest belongs to.
func TestAMismatchNamesTheVersionOfTheDigest(t *testing.T) {
	t.Parallel()
	for _, large := range []bool{false, true} {
		w := newWorld(t)
		first := stateOf(1, "one")
		var version string
		if large { // clients upload such a state in parts, so that its ETag is no MD5
			version = w.multipart(first)
			w.SetDigest(w.Table, key, sum(first))
		} else {
			version = w.apply(key, first)
		}
		w.put(key, stateOf(2, "one"))
		newest := w.put(key, stateOf(3, "one"))
		report := w.run()
		if len(report.Findings) != 1 {
			t.Fatalf("%+v", report)
		}
		f := report.Findings[0]
		e := f.Evidence
		if e.VersionID != version || e.VersionTime == nil || e.Digest != sum(first) || e.StateMD5 != sum(stateOf(3, "one")) || e.Table != w.TableARN || e.CurrentID != newest {
			t.Errorf("%+v", e)
		}
		if !strings.Contains(f.Text, "the digest is of the version of ") || !strings.Contains(f.Text, version) || f.Fix == nil || f.Fix.Action != policy.AcceptState {
			t.Errorf("%+v", f)
		}
		if w.row(key)["digest"] != "mismatch" {
			t.Errorf("%v", w.row(key))
		}
	}
}

// What another look, 15 seconds later, does not confirm is no finding.
func TestADigestIsLookedAtTwice(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		waiting func(w *world)
		digest  string // the column
	}{
		"the digest comes":         {func(w *world) { w.SetDigest(w.Table, key, sum(stateOf(2, "one"))) }, "ok"},
		"the digest is removed":    {func(w *world) { w.SetDigest(w.Table, key, "") }, "none"},
		"the state is written":     {func(w *world) { w.put(key, stateOf(3, "one")) }, "unknown"},
		"the digest changes":       {func(w *world) { w.SetDigest(w.Table, key, "0123") }, "unknown"},
		"the state is locked":      {func(w *world) { w.lock(false) }, "unknown"},
		"a lockfile is there":      {func(w *world) { w.lock(true) }, "unknown"},
		"the lock cannot be read":  {func(w *world) { w.put(key+".tflock", "me") }, "unknown"},
		"it was locked all along":  {nil, "unknown"},
		"the state is not a state": {func(w *world) { w.Remove(key) }, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(key, stateOf(1, "one"))
			w.run()
			w.put(key, stateOf(2, "one"))
			if tc.waiting == nil {
				w.lock(false)
			} else {
				w.waiting = func() { tc.waiting(w) }
			}
			w.want("findings", w.found(w.run()))
			if got := w.row(key)["digest"]; got != tc.digest {
				t.Errorf("the column says %v", got)
			}
		})
	}
}

// A client takes the lock while the state is read for the second look: nothing is found, and what
// was found before is not gone.
func TestAStateThatIsLockedDuringTheSecondLook(t *testing.T) {
	t.Parallel()
	for _, inBucket := range []bool{false, true} {
		w, g := newWorld(t), &guard{}
		w.apply(key, stateOf(1, "one"))
		w.run()
		w.put(key, stateOf(2, "one"))
		reads := 0
		g.reading = func() {
			if reads++; reads == 2 { // as it was listed, and now again
				w.lock(inBucket)
			}
		}
		report, err := w.inventory(g.config()).Run(context.Background(), inventory.Request{})
		if err != nil || reads < 2 {
			t.Fatalf("%d reads, %v", reads, err)
		}
		w.want("findings", w.found(report))
		if got := w.row(key)["digest"]; got != "unknown" {
			t.Errorf("the column says %v", got)
		}
	}
}

// Clients upload large states in parts, and their ETag is no MD5: where the digest is that of the content
// nothing is wrong, and nothing is read again.
func TestADigestOfAStateInParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for serial := 1; serial < 3; serial++ {
		w.multipart(stateOf(serial, "one"))
		w.SetDigest(w.Table, key, sum(stateOf(serial, "one")))
		w.want("findings", w.found(w.run()))
		if got := w.row(key)["digest"]; got != "ok" {
			t.Errorf("the column says %v", got)
		}
	}
	w.want("people", w.news())
}

// A finding on a path that is locked is neither reported nor resolved.
func TestALockedPathIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(key, stateOf(1, "one"))
	w.put(key, stateOf(2, "one"))
	w.run()
	w.want("people", w.news(), "state.finding warning digest_mismatch of "+key)
	w.lock(true)
	w.want("locked", w.found(w.run()), "digest_mismatch of "+key)
	w.SetDigest(w.Table, key, sum(stateOf(2, "one")))
	w.want("repaired by whoever holds the lock", w.found(w.run()), "digest_mismatch of "+key)
	w.want("people", w.news())
	w.Remove(key + ".tflock")
	w.want("unlocked", w.found(w.run()))
	w.want("people", w.news(), "state.finding_resolved info digest_mismatch of "+key)
	w.run()
	w.want("people", w.news())
}
