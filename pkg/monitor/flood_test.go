//go:build !race

package monitor_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var floodSeed = flag.Uint64("flood-seed", 0, "the seed of the floods; 0: any")

const hostile = "states/a-team/"

// teams is what two teams hold over some days: production, and somebody who writes what they like under
// one prefix.
type teams struct {
	production, flood []hold
	junk              []junk
}

// junk is a row or object that cannot be read, while it is there.
type junk struct {
	holding     tflock.Holding
	there, gone time.Duration
}

func unreadableObject(path string, at time.Duration) tflock.Holding {
	return tflock.Holding{Kind: tflock.S3, Store: simBucket, Path: tflock.Path(path), ETag: path + at.String(), Modified: simStart.Add(at), Err: tflock.ErrNotLockInfo}
}

// randomTeams are some, over so long.
func randomTeams(r *rand.Rand, lasts time.Duration) teams {
	var all teams
	some := func() time.Duration { return time.Duration(r.Int64N(int64(lasts))).Truncate(time.Minute) }
	for i := range 6 {
		taken := some()
		all.production = append(all.production, hold{fmt.Sprintf("production/%d/terraform.tfstate", i), taken, taken + some()/2})
		there := some()
		all.junk = append(all.junk, junk{unreadableObject(fmt.Sprintf("states/production/damaged-%d", i), there), there, there + some()/2})
	}
	each, stay := 1+r.IntN(8), time.Duration(1+r.IntN(120))*time.Minute
	for at := time.Duration(0); at < lasts; at += 5 * time.Minute {
		for i := range each {
			all.flood = append(all.flood, hold{fmt.Sprintf("a-team/%s-%d", at, i), at - time.Duration(r.IntN(60))*time.Minute, at + stay})
		}
		if r.IntN(10) == 0 {
			path := fmt.Sprintf("%sjunk-%s", hostile, at)
			row := foreignRow(path)
			if r.IntN(2) == 0 {
				row = unreadableObject(path, at)
			}
			all.junk = append(all.junk, junk{row, at, at + some()})
		}
	}
	return all
}

// during is a scene of them, with or without the flood.
func (all teams) during(days float64, flooded bool) scene {
	holds := all.production
	if flooded {
		holds = slices.Concat(holds, all.flood)
	}
	return scene{days: days, holds: holds, foreign: func(since time.Duration) []tflock.Holding {
		var list []tflock.Holding
		for _, j := range all.junk {
			if j.there <= since && since < j.gone && (flooded || j.holding.Path.Prefix() != "states/a-team") {
				list = append(list, j.holding)
			}
		}
		return list
	}}
}

// heard says of which locks people are notified when, under a prefix of paths. Reminders are left out: one that is
// due takes along those of others.
func (s *simulation) heard(prefix string) []string {
	var list []string
	for _, e := range s.events {
		items := e.Locks
		if e.Lock != nil {
			items = append(items, alert.Item{Description: *e.Lock})
		}
		for _, i := range items {
			if e.Type != alert.LockReminder && tflock.Path(i.Path).Prefix() == prefix {
				list = append(list, fmt.Sprint(e.Time.Format(time.DateTime), " ", e.Type, " ", i.Path))
			}
		}
	}
	slices.Sort(list)
	return list
}

// Somebody who may write one prefix fills it with locks and junk. People hear of production's locks, of their ends and
// of what cannot be read there in the same scans as without that, and get a bounded number of messages about the prefix.
func TestAFloodUnderOnePrefixHidesNothingOfOthers(t *testing.T) {
	t.Parallel()
	seed := cmp.Or(*floodSeed, uint64(time.Now().UnixNano())) //nolint:gosec // any number
	t.Logf("-flood-seed %d", seed)
	for n := range uint64(4) {
		t.Run(fmt.Sprint("world ", n), func(t *testing.T) {
			t.Parallel()
			const days = 1
			all := randomTeams(rand.New(rand.NewPCG(seed, n)), days*day) //nolint:gosec // a test's
			calm, flooded := simulate(t), simulate(t)
			calm.run(all.during(days, false))
			flooded.run(all.during(days, true))
			const production = "states/production"
			if want, got := calm.heard(production), flooded.heard(production); !slices.Equal(want, got) {
				t.Errorf("of production people heard\n%q, and without the flood\n%q", got, want)
			}
			if len(calm.heard(production)) == 0 || len(flooded.heard("states/a-team")) < 100 {
				t.Errorf("%d and %d messages: there was nothing to hear", len(calm.heard(production)), len(flooded.heard("states/a-team")))
			}
			flooded.bounded(2 * ledger.MostMessages)
		})
	}
}

// bounded fails where more than so many messages of a kind within an hour are about the hostile prefix alone.
func (s *simulation) bounded(most int) {
	s.Helper()
	times := map[alert.Type][]time.Time{}
	for _, e := range s.events {
		if about := e.Prefixes; (len(about) == 1 && about[0].Prefix == "states/a-team") || (e.Lock != nil && tflock.Path(e.Lock.Path).Prefix() == "states/a-team") {
			times[e.Type] = append(times[e.Type], e.Time)
		}
	}
	for kind, all := range times {
		for i := range all {
			if i >= most && all[i].Sub(all[i-most]) < time.Hour-5*time.Minute {
				s.Errorf("more than %d messages %s within an hour until %s", most, kind, all[i])
				return
			}
		}
	}
}

// Junk of one prefix comes first. What cannot be read under another prefix is in a message in the scan that sees it first.
func TestJunkDoesNotDelayTheMessageAboutAnUnreadableLock(t *testing.T) {
	t.Parallel()
	s := simulate(t)
	s.run(scene{days: 1, foreign: func(since time.Duration) []tflock.Holding {
		list := []tflock.Holding{foreignRow(hostile + "junk")}
		if since >= 2*time.Hour {
			list = append(list, foreignRow("states/production/a"))
		}
		return list
	}})
	if len(s.events) != 2 || s.events[1].Time.Sub(simStart) > 2*time.Hour+time.Minute {
		t.Errorf("%d messages, the last one %s after the start", len(s.events), s.events[len(s.events)-1].Time.Sub(simStart))
	}
}

// Beyond ten messages in an hour the locks of one prefix share one message an hour, and it says so.
func TestMessagesAboutOnePrefixAreBounded(t *testing.T) {
	t.Parallel()
	s := simulate(t)
	var holds []hold
	for i := range 60 {
		at := time.Duration(i) * 2 * time.Minute
		holds = append(holds, hold{fmt.Sprintf("a-team/%d", i), at, at + 50*time.Minute})
	}
	s.run(scene{days: 0.5, holds: holds})
	stuck, named := 0, 0
	for _, e := range s.events {
		if e.Type == alert.LockStuck {
			stuck++
			named += max(1, len(e.Locks)+e.Omitted)
		}
	}
	if stuck > 2*ledger.MostMessages || len(s.events) > 4*ledger.MostMessages || named < 30 {
		t.Errorf("%d messages, %d of stuck locks, which name %d", len(s.events), stuck, named)
	}
}

// Junk under a new prefix in each scan: twenty prefixes are counted, the others of the store share a message a day.
// Stuck locks under other prefixes are not held up by that.
func TestJunkUnderManyPrefixes(t *testing.T) {
	t.Parallel()
	s := simulate(t)
	holds := make([]hold, 60)
	for i := range holds {
		at := time.Duration(i) * 10 * time.Minute
		holds[i] = hold{fmt.Sprintf("stuck-%d/x", i), at, at + 40*time.Minute}
	}
	s.run(scene{days: 1, holds: holds, foreign: func(since time.Duration) []tflock.Holding {
		var list []tflock.Holding
		for i := range min(60, since/(5*time.Minute)) {
			list = append(list, foreignRow(fmt.Sprintf("states/junk-%s/x", i)))
		}
		return list
	}})
	if n := s.tally(); n[alert.LockUnreadable] > 22 || n[alert.LockUnreadable] < 20 || n[alert.LockStuck] != len(holds) || n[alert.LockResolved] != len(holds) {
		t.Errorf("%v", n)
	}
}
