package main

import (
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Which announcement a release rests on: the last one before its scan began. Of two scans at
// once both announce what neither saw planned, and then the first of the two may be kept.
func TestAReleaseRestsOnAnEarlierAnnouncement(t *testing.T) {
	t.Parallel()
	const path, id = "b/k", "live"
	announces := func(h *history, at time.Time) {
		h.said(&party{lockwarden: true}, alert.Event{
			Type: alert.LockReleasePlanned, Plan: &alert.Plan{NotBefore: at},
			Lock: &policy.Description{ID: id, Path: path},
		})
	}
	for name, c := range map[string]struct {
		before, during func(h *history, now time.Time) // the scan began
		want           string                          // empty: nothing is wrong
	}{
		"a scan before announced it": {before: func(h *history, now time.Time) { announces(h, now) }},
		"a scan beside it announced it again": {
			before: func(h *history, now time.Time) { announces(h, now) },
			during: func(h *history, now time.Time) { announces(h, now.Add(time.Minute)) },
		},
		"only a scan beside it announced it": {
			during: func(h *history, now time.Time) { announces(h, now) },
			want:   "no earlier scan had announced it",
		},
		"the state was written since": {
			before: func(h *history, now time.Time) { announces(h, now); h.touch(path) },
			want:   "something changed since it was announced",
		},
		"it was touched, and announced again only beside it": {
			before: func(h *history, now time.Time) { announces(h, now); h.touch(path) },
			during: func(h *history, now time.Time) { announces(h, now) },
			want:   "something changed since it was announced",
		},
		"it is not yet the time that was announced": {
			before: func(h *history, now time.Time) { announces(h, now.Add(time.Minute)) },
			want:   "before the time that was announced",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			h := newHistory(func() time.Time { return now }, time.Minute)
			h.mode, h.selects = policy.AutoRelease, func(string) bool { return true }
			at := place{inBucket, path}
			h.locks[at] = lock{id: id, taken: now.Add(-time.Hour)}
			h.ends(path, id, now.Add(-30*time.Minute))
			if c.before != nil {
				c.before(h, now)
			}
			scan := h.moment
			if c.during != nil {
				c.during(h, now)
			}
			h.releasedAutomatically(&party{auto: &automatic{began: h.moment, scan: scan, asked: true, wasOver: true}}, h.locks[at], at)
			if broken := strings.Join(h.broken, "\n"); (broken == "") != (c.want == "") || !strings.Contains(broken, c.want) {
				t.Errorf("%q", broken)
			}
		})
	}
}
