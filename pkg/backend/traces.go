package backend

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// enoughLocks bounds what is listed of a lock object, which has two entries for each run: of more
// the newest ones are known.
const enoughLocks = 500

// MaxTraces bounds the versions and markers of a state that HistoryWithLocks gives: whoever writes
// one takes as much memory as this.
const MaxTraces = 2000

// HistoryWithLocks returns the versions and delete markers of a state as History does, and beside
// them those of its lock object, the newest first. Of both it may leave out the oldest: of a state,
// MaxTraces are given. Both come in one List call, unless there are more than a thousand.
func (b *Bucket) HistoryWithLocks(ctx context.Context, path tflock.Path, back string) (states, locks []Version, err error) {
	key, err := b.object(path)
	if err != nil {
		return nil, nil, err
	}
	lockKey := key + tflock.Suffix
	whole := true
	for page, err := range b.versionPages(ctx, key) {
		if err != nil {
			return nil, nil, err
		}
		of, others := versionsOf(key, page)
		ofLock, _ := versionsOf(lockKey, page)
		states, locks = append(states, of...), append(locks, ofLock...)
		whole = !aws.ToBool(page.IsTruncated)
		i := slices.IndexFunc(states, func(v Version) bool { return v.ID == back && !v.Marker })
		if i >= 0 {
			states = states[:i+1]
		}
		if i >= 0 || (others && !b.outside()) || len(states) >= MaxTraces {
			break
		}
	}
	states = states[:min(len(states), MaxTraces)]
	if whole || len(locks) >= enoughLocks {
		return states, locks, nil
	}
	locks, err = b.newestVersions(ctx, lockKey)
	return states, locks, err
}

// newestVersions returns those of a key that one call lists.
func (b *Bucket) newestVersions(ctx context.Context, key string) (found []Version, err error) {
	for page, err := range b.versionPages(ctx, key) {
		if err != nil {
			return nil, err
		}
		found, _ = versionsOf(key, page)
		break
	}
	return found, nil
}
