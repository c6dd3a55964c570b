package backend

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// enoughLocks bounds what is listed of a lock object, which has two entries for each run: of more
// the newest ones are known.
const enoughLocks = 500

// HistoryWithLocks gives the versions and delete markers of a state as History does, and beside
// them those of its lock object, the newest first. Of the latter it may leave out the oldest. Both
// come in one List call, unless there are more than a thousand.
func (b *Bucket) HistoryWithLocks(ctx context.Context, path tflock.Path, back string) (states, locks []Version, err error) {
	key, err := b.object(path)
	if err != nil {
		return nil, nil, err
	}
	lockKey := key + tflock.Suffix
	whole := true
	pages := s3.NewListObjectVersionsPaginator(b.s3, &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &key})
	for found := false; pages.HasMorePages() && !found; {
		page, err := pages.NextPage(ctx)
		if err == nil {
			err = isListing(page.Name)
		}
		if err != nil {
			return nil, nil, &Error{b.arn, err}
		}
		of, others := versionsOf(key, page)
		states = append(states, of...)
		ofLock, _ := versionsOf(lockKey, page)
		locks = append(locks, ofLock...)
		whole = !aws.ToBool(page.IsTruncated)
		if i := slices.IndexFunc(states, func(v Version) bool { return v.ID == back && !v.Marker }); i >= 0 {
			states, found = states[:i+1], true
		}
		found = found || (others && !b.outside())
	}
	if whole || len(locks) >= enoughLocks {
		return states, locks, nil
	}
	page, err := b.s3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &lockKey})
	if err == nil {
		err = isListing(page.Name)
	}
	if err != nil {
		return nil, nil, &Error{b.arn, err}
	}
	locks, _ = versionsOf(lockKey, page)
	return states, locks, nil
}
