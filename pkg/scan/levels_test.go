package scan_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Eight lock objects of one team that S3 gives very slowly, each a level higher than the one before: the time that each of
// them takes is not taken from everybody else's locks.
func TestSlowLockObjectsAtEveryLevelDoNotHideOthers(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"a-team/", "teams/a/"} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				taken := time.Now().Add(-time.Hour)
				bucket := &scale.Bucket{Name: "states"}
				for level := range 9 {
					bucket.Put(prefix+strings.Repeat("a/", level)+"b"+tflock.Suffix, victim, taken)
				}
				others := []string{"production/a.tfstate", "teams/b/terraform.tfstate", "zoo/z.tfstate"}
				for _, key := range others {
					bucket.Put(key+tflock.Suffix, victim, taken)
				}
				arn := scale.BucketARN("states")
				client := &slowly{Direct: scale.Direct{World: &scale.World{Buckets: map[string]*scale.Bucket{"states": bucket}}}, prefix: "/" + prefix, takes: 29 * time.Second}
				ctx, cancel := invocation(t)
				defer cancel()
				found := scan.New(inProcess(t, client, nil, []string{arn}), rules, time.Now).Read(ctx)
				for _, key := range others {
					if path := tflock.NewPath("states", key); !sees(found, path) || found.Unread(path, arn) {
						t.Errorf("%s: seen %v, not read %v: %v", path, sees(found, path), found.Unread(path, arn), found.Errors())
					}
				}
			})
		})
	}
}
