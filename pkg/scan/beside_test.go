//go:build !race

package scan_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Teams share the first part of their keys. One of them has more lock objects than a scan can read in its time: those of
// the others there are read.
func TestLockObjectsOfOneWorkspaceDoNotHideThoseOfAnother(t *testing.T) {
	for name, key := range map[string]func(i int) string{
		"in one folder":   func(i int) string { return fmt.Sprintf("teams/junk/%05d", i) },
		"in many folders": func(i int) string { return fmt.Sprintf("teams/junk/%02d/%05d", i/1000, i) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			taken := time.Now().Add(-time.Hour)
			bucket := &scale.Bucket{Name: "states"}
			for i := range 12_000 {
				bucket.Put(key(i)+tflock.Suffix, victim, taken)
			}
			others := []string{"production/a.tfstate", "zoo/z.tfstate", "teams/a/x.tfstate", "teams/production/a.tfstate", "teams/zoo/z.tfstate"}
			for _, key := range others {
				bucket.Put(key+tflock.Suffix, victim, taken)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			set := openBehind(t, &scale.World{Buckets: map[string]*scale.Bucket{"states": bucket}}, &afterReads{left: 4_500, then: cancel}, scale.BucketARN("states"))
			found := scan.New(set, rules, time.Now).Read(ctx)
			for _, key := range others {
				if path := tflock.NewPath("states", key); !sees(found, path) || found.Unread(path, scale.BucketARN("states")) {
					t.Errorf("%s: seen %v, not read %v", key, sees(found, path), found.Unread(path, scale.BucketARN("states")))
				}
			}
			if !found.Unread("states/teams/junk/x", scale.BucketARN("states")) {
				t.Errorf("it says %q", found.Errors())
			}
		})
	}
}

// Teams share the first part of their keys, as workspaces do. What one of them has too many of hides nothing of another.
func TestManyRowsOfOneWorkspaceHideNoneOfAnother(t *testing.T) {
	t.Parallel()
	for name, long := range map[string]int{"short names": 0, "long names": 1800} {
		t.Run(name, func(t *testing.T) {
			found := scan.Crowd(scan.MaxKept, func(yield func(store, path string) bool) {
				for i := range 60_000 {
					if !yield("arn:a", fmt.Sprintf("b/env:/junk/%d/%05d%s", i%7, i, strings.Repeat("x", long))) {
						return
					}
				}
				for i := range 100 {
					yield("arn:a", fmt.Sprintf("b/env:/w%02d/production/k", i))
				}
			})
			if !found.Has("b/env:/w99/production/k") || found.Unread("b/env:/w99/production/k", "arn:a") || !found.Unread("b/env:/junk/1/k", "arn:a") || found.Failed("arn:a") {
				t.Errorf("%d kept, has %v: %v", found.Len(), found.Has("b/env:/w99/production/k"), found.Problems())
			}
		})
	}
}
