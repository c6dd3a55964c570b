package unlock_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// A client that names the bucket by an access point and locks in both places has its object in the bucket, and its row under that name.
// The unlock function keeps such a lock, so nobody plans its release again and again, which would take what is left to others.
func TestTheLockOfAClientBehindAnAccessPointIsNotAnnounced(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, policy.AutoRelease)
	p.Lock("env/behind", "behind", p.Set.Buckets[0])
	p.tag("env/behind", map[string]string{"run": "gh-1-1"})
	if err := local.TakeLock(t.Context(), tflock.Path("team-ap-abcdefghijklmnopqrstuvwxyz-s3alias/env/behind"), "behind", p.Set.Tables[0]); err != nil {
		t.Fatal(err)
	}
	p.take("env/other", "2")
	p.ends("1", minute)
	p.ends("2", 30*minute)
	for at := 12 * minute; at < time.Hour; at += 5 * minute {
		p.scans(at)
	}
	if got := p.published(); !slices.Equal(got, []string{"lock.release_planned", "lock.released"}) || p.invoked != 1 {
		t.Errorf("published %q, %d invocations: %q; held %q", got, p.invoked, p.outcomes, p.held())
	}
}
