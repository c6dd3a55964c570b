//go:build !race

package monitor_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var (
	silenceSeed   = flag.Uint64("silence-seed", 0, "the seed of the worlds in which somebody would silence others; 0: any")
	silenceWorlds = flag.Uint64("silence-worlds", 1, "how many of them")
)

// Whatever somebody writes and deletes under one prefix, scan by scan: people are notified in time of the locks of others, of their ends, of what
// cannot be read and of what S3 does not give, and are reminded of them, as they are without that.
func TestNobodySilencesOthers(t *testing.T) {
	t.Parallel()
	seed := cmp.Or(*silenceSeed, uint64(time.Now().UnixNano())) //nolint:gosec // any number
	for n := range *silenceWorlds {
		for _, attacked := range []bool{false, true} {
			t.Run(fmt.Sprintf("-silence-seed %d, world %d, attacked %v", seed, n, attacked), func(t *testing.T) {
				t.Parallel()
				ownClock(t, func(t *testing.T) { liveIn(t, rand.New(rand.NewPCG(seed, n)), attacked) }) //nolint:gosec // a test's
			})
		}
	}
}

// owned is something of a team that somebody else would silence.
type owned struct {
	key            string
	row, object    bool
	what           ownedKind
	taken, dropped time.Duration
}

type ownedKind int

const (
	aLock ownedKind = iota
	aJunk
	aWithheld // lock object that S3 does not give
)

const (
	silenceLasts = 3 * time.Hour
	inTime       = 15 * time.Minute
)

// liveIn lets three hours pass.
func liveIn(t *testing.T, r *rand.Rand, attacked bool) {
	t.Helper()
	all, who := ownedBySome(r), &intruder{r: r, attacks: r.Perm(len(attacks))[:1+r.IntN(len(attacks))]}
	a, tap := overheard(t)
	who.account, who.tap = a, tap
	a.monitor.Scanner.SetLimit(crowd)
	a.monitor.RemindEvery = time.Hour
	from := time.Now()
	for scan := range int(silenceLasts / (5 * time.Minute)) {
		for _, o := range all {
			o.put(a, tap, time.Since(from), from)
		}
		if attacked {
			who.write(scan)
		}
		a.scans(1, func(int) {})
	}
	for _, o := range all {
		o.check(t, tap, from)
	}
	if t.Failed() {
		t.Logf("attacks %v; people got %s", who.attacks, tap.types())
	}
}

// ownedBySome is what there is of several teams. Only one has what S3 does not give: where several have it that is the failure of the bucket.
func ownedBySome(r *rand.Rand) []owned {
	some := func() time.Duration { return time.Duration(r.Int64N(int64(silenceLasts / 2))) }
	all := []owned{{key: "junky/j", row: true, what: aJunk, taken: some(), dropped: 2 * silenceLasts}, {key: "held/k", object: true, what: aWithheld, taken: some(), dropped: 2 * silenceLasts}}
	for i := range 6 {
		key := fmt.Sprintf([]string{"prod/%d", "prod/eu/%d", "web/%d", "zz/%d", "%d.tfstate"}[r.IntN(5)], i)
		taken, row := some(), r.IntN(3) > 0
		all = append(all, owned{key: key, row: row, object: !row || r.IntN(2) == 0, taken: taken, dropped: taken + 40*time.Minute + some()})
	}
	return all
}

// put writes and deletes it when it is time.
func (o owned) put(a *account, tap *tap, now time.Duration, from time.Time) {
	if there, before := o.thereAt(now), o.thereAt(now-5*time.Minute); there == before {
		return
	} else if !there {
		a.locks().Remove("states/" + o.key)
		a.world.Buckets["states"].Remove(o.key + ".tflock")
		return
	}
	row := scale.Lock("states/"+o.key, o.key, from.Add(o.taken))
	switch o.what {
	case aLock:
	case aWithheld:
		tap.withheld = append(tap.withheld, o.key+".tflock")
	case aJunk:
		row["Info"] = map[string]string{"S": "x"}
	}
	if o.row {
		a.locks().Put(row)
	}
	if o.object {
		a.world.Buckets["states"].Put(o.key+".tflock", row["Info"]["S"], time.Now())
	}
}

func (o owned) thereAt(at time.Duration) bool { return o.taken <= at && at < o.dropped }

// check fails where people learned of it too late.
func (o owned) check(t *testing.T, tap *tap, from time.Time) {
	t.Helper()
	within := func(kind alert.Type, since, most time.Duration) {
		if by := since + most + inTime; by < silenceLasts && !slices.ContainsFunc(o.notified(tap, from, kind), func(at time.Duration) bool { return since <= at && at <= by }) {
			t.Errorf("within %s of %s there is no %s of %s", most+inTime, since, kind, o.key)
		}
	}
	switch o.what {
	case aWithheld:
		within(alert.ScanFailed, o.taken, 15*time.Minute)
	case aJunk:
		within(alert.LockUnreadable, o.taken, 0)
	case aLock:
		if o.taken+30*time.Minute+inTime < o.dropped {
			within(alert.LockStuck, o.taken, 30*time.Minute)
		}
		if notified := o.notified(tap, from, alert.LockStuck); len(notified) > 0 {
			within(alert.LockResolved, o.dropped, 0)
			if notified[0]+time.Hour+inTime < o.dropped {
				within(alert.LockReminder, notified[0], time.Hour)
			}
		}
	}
}

// notified is when the messages of a type came that name it.
func (o owned) notified(tap *tap, from time.Time, kind alert.Type) (times []time.Duration) {
	for _, e := range tap.events {
		items := e.Locks
		if e.Lock != nil {
			items = append(items, alert.Item{Description: *e.Lock})
		}
		names := slices.ContainsFunc(items, func(i alert.Item) bool { return i.Path == "states/"+o.key })
		for _, store := range e.Stores {
			names = names || strings.Contains(store.Problem, "states/held/")
		}
		if e.Type == kind && names {
			times = append(times, e.Time.Sub(from))
		}
	}
	return times
}

// intruder may write one prefix.
type intruder struct {
	*account
	tap     *tap
	r       *rand.Rand
	attacks []int
	rows    []string
	keys    []string
}

// write is what they write, and delete, before a scan.
func (w *intruder) write(scan int) {
	if len(w.rows)+len(w.keys) > 3*crowd || w.r.IntN(8) == 0 {
		for _, path := range w.rows {
			w.locks().Remove(path)
		}
		for _, key := range w.keys {
			w.world.Buckets["states"].Remove(key)
		}
		w.rows, w.keys = nil, nil
	}
	for _, n := range w.attacks {
		attacks[n](w, scan)
	}
}

func (w *intruder) row(key string, item scale.Item) {
	path := "states/a-team/" + key
	item["LockID"] = map[string]string{"S": path}
	w.locks().Put(item)
	w.rows = append(w.rows, path)
}

func (w *intruder) lock(key, id string) scale.Item {
	return scale.LockOf("states/prod/"+key, id, w.one("me@host", strings.Repeat("<&>", 200), "\x1b[2J\r\nState: x"), time.Now().Add(-time.Duration(w.r.IntN(300))*time.Minute))
}

func (w *intruder) object(key, body string) {
	key = "a-team/" + key + tflock.Suffix
	w.world.Buckets["states"].Put(key, body, time.Now())
	w.keys = append(w.keys, key)
}

func (w *intruder) one(texts ...string) string { return texts[w.r.IntN(len(texts))] }

// name is one that may be odd.
func (w *intruder) name() string {
	return w.one("a", "b/c", "../prod/x", "a//b", "", "/", "é\u202e", "\x01\x02", "%2F", "+ +", "\U0010ffff", "\ufffd", "x-md5", tflock.Suffix, strings.Repeat("d/", 40), strings.Repeat("<", 300), `"quoted" \`)
}

var attacks = []func(w *intruder, scan int){
	func(w *intruder, scan int) { // other locks in each scan, some with the IDs of others
		for i := range w.r.IntN(20) {
			id := w.one(fmt.Sprint(scan, i), "prod/0", "unreadable in "+scale.TableARN("locks"))
			w.row(fmt.Sprint(w.name(), scan, "-", i), w.lock("x", id))
		}
	},
	func(w *intruder, scan int) { // a dozen that stay
		for i := range 12 {
			w.row(fmt.Sprintf("stay-%d/x", i), w.lock("x", fmt.Sprint("stay", i)))
		}
	},
	func(w *intruder, scan int) { // junk
		w.row(fmt.Sprint(w.name(), "junk", scan), scale.Item{"Owner": {"S": "x"}})
		w.object(fmt.Sprint(w.name(), "junk", scan), "")
	},
	func(w *intruder, scan int) { // large ones
		text := strings.Repeat("\x01", 17<<10)
		w.row("large", w.lock(text, text))
		w.object("large", w.lock(text, text)["Info"]["S"])
	},
	func(w *intruder, scan int) { // more than a scan reads, in one folder after the other
		folder := w.one("", "c/", fmt.Sprint("c-", scan, "/"), strings.Repeat("a/", 200-scan))
		for i := range w.r.IntN(crowd) {
			w.row(fmt.Sprint(folder, "row-", i), w.lock("x", fmt.Sprint("c", i)))
		}
		for i := range w.r.IntN(crowd / 4) {
			w.object(fmt.Sprint(folder, "o-", i), w.lock("x", fmt.Sprint("o", i))["Info"]["S"])
		}
	},
}
