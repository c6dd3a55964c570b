//go:build !race

package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	pkgledger "github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

var floodSeed = flag.Uint64("flood-seed", 0, "the seed of the floods; 0: any")

// flood is what somebody does who may write the rows and objects under a-team/, before each scan.
type flood struct {
	name string
	do   func(f *flooded, n int)
}

var floods = []flood{
	{"junk rows", func(f *flooded, n int) {
		for i := range 10 {
			f.row(fmt.Sprintf("a-team/junk-%d-%d", n, i), "")
		}
	}},
	{"rows that climb to production's states", func(f *flooded, n int) {
		for i := range 12 {
			f.row(fmt.Sprintf("a-team/%d/%d/../../../production/%d", n, i, i%4), "junk")
			f.table.Put(scale.Digest(fmt.Sprintf("states/a-team/%d/../../production/%d", i, i%4), "other"))
		}
	}},
	{"unreadable objects", func(f *flooded, n int) {
		for i := range 5 {
			f.object(fmt.Sprintf("a-team/junk-%d-%d", n, i), "junk")
		}
	}},
	{"large rows and objects", func(f *flooded, n int) {
		body := `{"ID":"x","junk":[` + strings.Repeat("0,", tflock.UsualSize/2) + `0],"Created":"bad"}`
		for i := range 40 {
			f.row(fmt.Sprintf("a-team/large-%d", i), body)
			f.object(fmt.Sprintf("a-team/large-%d-%d", n%3, i), body)
		}
	}},
	{"more rows than a scan keeps, others each time", func(f *flooded, n int) {
		for i := range f.room {
			f.row(fmt.Sprintf("a-team/many-%d-%d", n-1, i), "")
			f.table.Put(f.lock(fmt.Sprintf("a-team/many-%d-%d", n, i), 0))
		}
	}},
	{"locks that become stuck a few at a time", func(f *flooded, n int) {
		for i := range 7 {
			f.table.Put(f.lock(fmt.Sprintf("a-team/stuck-%d-%d", n, i), time.Hour))
			f.drop(fmt.Sprintf("a-team/stuck-%d-%d", n-2, i))
		}
	}},
	{"an object that S3 fails to give", func(f *flooded, _ int) {
		f.refused = "/a-team/refused"
		f.object("a-team/refused", string(f.raw("a-team/refused", 0)))
	}},
	{"objects that S3 gives slowly", func(f *flooded, _ int) {
		f.slow = "/a-team/"
		for i := range 150 { // one after the other they take a scan's whole time
			f.object(fmt.Sprintf("a-team/slow-%d", i), string(f.raw("a-team/slow", 0)))
		}
	}},
}

// script is what production does before each scan.
type script map[int][]func(f *flooded)

func scripted(r *rand.Rand, scans int) script {
	s := script{}
	at := func(n int, do func(f *flooded)) { s[n] = append(s[n], do) }
	at(r.IntN(4), func(f *flooded) {
		f.object(endedKey, string(f.raw(endedKey, 0)))
		f.bucket.Put(endedKey, "{}", time.Now().Add(-24*time.Hour))
	})
	for i := range 4 {
		key := fmt.Sprintf("production/%d", i)
		taken := r.IntN(scans / 2)
		age := time.Duration(r.IntN(10)) * 5 * time.Minute
		at(taken, func(f *flooded) {
			switch i {
			case 0:
				f.object(key, string(f.raw(key, 0)))
			case 1:
				f.object(key, "damaged")
			default:
				f.table.Put(f.lock(key, age))
			}
			f.bucket.Put(key, "{}", time.Now().Add(-24*time.Hour))
		})
		if i != 3 { // the last one is released
			at(taken+2+r.IntN(scans/2), func(f *flooded) { f.drop(key) })
		}
	}
	return s
}

// newFlooded is an AWS without locks, and the monitor and unlocker that work in it. AutoRelease is that selection.
func newFlooded(t *testing.T, autoRelease string) (*flooded, *monitor.Monitor, *unlock.Unlocker, *repair.Repairer) {
	t.Helper()
	f := &flooded{T: t, room: 80, planned: map[string][]time.Time{}, table: scale.LockTable("locks", scale.Crowd{}), bucket: &scale.Bucket{Name: "states"}}
	f.world = &scale.World{Tables: map[string]*scale.Table{"locks": f.table, "ledger": scale.Ledger("ledger")}, Buckets: map[string]*scale.Bucket{"states": f.bucket}}
	cfg := scale.Config(f)
	set, err := backend.Open(cfg, []string{scale.TableARN("locks")}, []string{scale.BucketARN("states")})
	if err != nil {
		t.Fatal(err)
	}
	// Ages are multiples of five minutes, and a scan that is kept waiting takes less than four: the threshold is between.
	rules := policy.Rules{Thresholds: policy.Thresholds{Default: 34 * time.Minute}, ReleaseGuard: releaseGuard}
	ledger := wiring.OpenLedger(dynamodb.NewFromConfig(cfg), "ledger")
	scanner := scan.New(set, rules, time.Now)
	scanner.SetLimit(2 * f.room)
	u := &unlock.Unlocker{
		Stores: set, Memory: ledger.Notifications, Releases: ledger.Releases, AutoReleases: ledger.AutoReleases, Composer: composer(), Topic: f, Meter: f, Rules: rules, Now: time.Now, Log: quiet,
	}
	auto := &automated{f, u, autoRelease}
	u.Runs = &evidence.Runs{Open: auto.open}
	m := &monitor.Monitor{
		AutoReleases: ledger.AutoReleases, Runs: u.Runs, Releaser: auto,
		Scanner: scanner, Ledger: ledger.Notifications, Released: ledger.Releases, Composer: composer(), Topic: f, Meter: f,
		RemindEvery: 4 * time.Hour, ScanEvery: 5 * time.Minute, Now: time.Now, Log: quiet,
	}
	repairer := &repair.Repairer{
		Stores: set, Records: pkgledger.NewRepairs(dynamodb.NewFromConfig(cfg), "ledger"), History: pkgledger.NewHistory(dynamodb.NewFromConfig(cfg), "ledger"), Composer: composer(), Topic: f, Now: time.Now, Log: quiet,
	}
	return f, m, u, repairer
}

// play runs the monitor over some scans. It returns what people hear of production, what the answers say of its locks,
// and what comes of a release.
func play(t *testing.T, seed, n uint64, with []flood) []string {
	t.Helper()
	const scans = 16
	f, m, u, repairer := newFlooded(t, "*/production/**")
	does := scripted(rand.New(rand.NewPCG(seed, n)), scans) //nolint:gosec // a test's
	state, err := sample("applied")
	if err != nil {
		t.Fatal(err)
	}
	f.bucket.Put("production/repaired", string(state), time.Now().Add(-24*time.Hour))
	f.table.Put(scale.Digest("states/production/repaired", "other"))
	start := time.Now()
	for f.now = range scans {
		for _, do := range does[f.now] {
			do(f)
		}
		for _, one := range with {
			one.do(f, f.now)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		report, _ := m.Run(ctx) // it fails where a prefix is crowded
		cancel()
		for _, l := range report.Locks {
			if tflock.Path(l.Path).Prefix() == "states/production" {
				f.hear("scan %02d: %s is %s in the answer", f.now, l.Path, l.Verdict)
			}
		}
		time.Sleep(time.Until(start.Add(time.Duration(f.now+1) * 5 * time.Minute)))
	}
	for _, key := range []string{"production/2", "production/3"} {
		request, err := unlock.ParseRequest([]byte(unlockRequest{id: "id-of-" + key, path: "states/" + key}.payload()))
		if err != nil {
			t.Fatal(err)
		}
		a, err := u.Run(t.Context(), request, "r")
		f.hear("release of %s: %s, %v", key, a.Outcome, err)
	}
	request, err := repair.ParseRequest([]byte(`{"path":"states/production/repaired","action":"accept_state","reason":"chaos","requested_by":"me"}`))
	if err != nil {
		t.Fatal(err)
	}
	a, err := repairer.Run(t.Context(), request, "r")
	f.hear("repair: %s, %v, %v", a.Outcome, a.After.Digests, err)
	slices.Sort(f.heard)
	return f.heard
}

// Whoever may write one prefix, rows and objects, changes nothing of what is seen, notified, resolved and released of
// another: each kind of flood once, with others that chance adds.
func TestAFloodChangesNothingForOthers(t *testing.T) {
	t.Parallel()
	seed := *floodSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-flood-seed %d", seed)
	for n, first := range floods {
		t.Run(first.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, uint64(n)+100)) //nolint:gosec // a test's
			with := []flood{first}
			for _, other := range floods[:len(floods)-1] { // the last one takes long
				if other.name != first.name && r.IntN(5) == 0 {
					with = append(with, other)
				}
			}
			var calm, stormy []string
			synctest.Test(t, func(t *testing.T) { calm = play(t, seed, uint64(n), nil) })
			synctest.Test(t, func(t *testing.T) { stormy = play(t, seed, uint64(n), with) })
			for _, want := range []string{"repair: repaired", "automatic release of states/" + endedKey + ": released"} {
				if !slices.ContainsFunc(calm, func(line string) bool { return strings.Contains(line, want) }) {
					t.Errorf("without a flood there is no %q in\n  %s", want, strings.Join(calm, "\n  "))
				}
			}
			if len(calm) < 10 || !slices.Equal(calm, stormy) {
				t.Errorf("without a flood\n  %s\nand with %d of them\n  %s", strings.Join(calm, "\n  "), len(with), strings.Join(stormy, "\n  "))
			}
		})
	}
}
