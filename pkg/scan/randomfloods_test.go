//go:build !race

// What takes its time by volume is here: the race detector takes ten times as long, and finds
// nothing more in it. `make test` runs it without.

package scan_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// floodKey is the i-th key of a flood, in folders of one kind or another.
func floodKey(r *rand.Rand, mode, i int) string {
	switch mode {
	case 0:
		return fmt.Sprintf("%06d", i)
	case 1:
		return fmt.Sprintf("%d/%06d", r.IntN(3), i)
	case 2:
		return fmt.Sprintf("%s%06d", strings.Repeat("z/", r.IntN(12)), i)
	case 3:
		return fmt.Sprintf("%03d/x%06d", i/900, i)
	case 4:
		return fmt.Sprintf("%06d/terraform", i)
	default:
		return fmt.Sprintf("%d/%d/%d/%06d", r.IntN(2), r.IntN(3), r.IntN(30), i)
	}
}

// Random floods of one team beside others under a first part that they share.
func TestRandomRowsOfOneTeamHideNoneBesideThem(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		most := 500 + r.IntN(3000)
		n := most/3 + r.IntN(3*most)
		mode, root := r.IntN(6), []string{"teams/", "env:/", "a/b/", ""}[r.IntN(4)]
		var paths []string
		for i := range n {
			paths = append(paths, "b/"+root+"junk/"+floodKey(r, mode, i)+strings.Repeat("x", r.IntN(3)*r.IntN(500)))
		}
		var victims []string
		for i := range 1 + r.IntN(most/50) {
			victims = append(victims, fmt.Sprintf("b/%s%s%d/k", root, []string{"a", "zoo/x/"}[r.IntN(2)], i))
		}
		all := append(append([]string{}, paths...), victims...)
		if r.IntN(3) > 0 {
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		}
		found := scan.Crowd(most, func(yield func(store, path string) bool) {
			for _, p := range all {
				if !yield("arn:a", p) {
					return
				}
			}
		})
		for _, v := range victims {
			if !found.Has(tflock.Path(v)) || found.Unread(tflock.Path(v), "arn:a") {
				t.Errorf("seed %d most %d flood %d mode %d root %q victims %d: %s has %v: %d kept, %q", seed, most, n, mode, root, len(victims), v, found.Has(tflock.Path(v)), found.Len(), found.Problems())
				break
			}
		}
		if found.Len() > most {
			t.Errorf("seed %d: it keeps %d of at most %d", seed, found.Len(), most)
		}
	}
}

// The same with lock objects, whether there is time for all of them or not.
func TestRandomLockObjectsOfOneTeamHideNoneBesideThem(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 2))
		mode, root := r.IntN(6), []string{"teams/", "env:/", "a/b/", ""}[r.IntN(4)]
		taken := time.Now().Add(-time.Hour)
		bucket := &scale.Bucket{Name: "states"}
		n := 3000 + r.IntN(9000)
		keys := map[string]bool{}
		for i := range n {
			keys[root+"teams/junk/"+floodKey(r, mode, i)] = true
		}
		var others []string
		for i := range 1 + r.IntN(60) {
			others = append(others, fmt.Sprintf("%s%s%d/k", root, []string{"a", "zoo/x/", "teams/junk0", "teams/a/", "teams/zoo", "teams/junk", "k"}[r.IntN(7)], i))
		}
		for k := range keys {
			bucket.Put(k+tflock.Suffix, victim, taken)
		}
		for _, k := range others {
			bucket.Put(k+tflock.Suffix, victim, taken)
		}
		full := seed%2 == 0
		ctx, cancel := context.WithCancel(t.Context())
		left := int64(4_000)
		if full {
			left = 1 << 40
		}
		set := openBehind(t, &scale.World{Buckets: map[string]*scale.Bucket{"states": bucket}}, &afterReads{left: left, then: cancel}, scale.BucketARN("states"))
		found := scan.New(set, rules, time.Now).Read(ctx)
		for _, key := range others {
			if path := tflock.NewPath("states", key); !sees(found, path) || found.Unread(path, scale.BucketARN("states")) {
				t.Errorf("seed %d mode %d root %q n %d full %v: %s: seen %v, not read %v; %q", seed, mode, root, n, full, key, sees(found, path), found.Unread(path, scale.BucketARN("states")), found.Errors())
				break
			}
		}
		if full {
			for k := range keys {
				locks := found.On(tflock.NewPath("states", k))
				if len(locks) != 1 || len(locks[0].Holdings) != 1 {
					t.Errorf("seed %d: %s: %+v", seed, k, locks)
					break
				}
			}
			if !found.Complete() {
				t.Errorf("seed %d: %q", seed, found.Errors())
			}
		}
		cancel()
	}
}
