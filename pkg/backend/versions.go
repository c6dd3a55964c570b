package backend

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Version is one version of an object, or a delete marker.
type Version struct {
	ID       string // "null" for one that was written without versioning
	Marker   bool
	Latest   bool      // it is what a read without a version meets
	Modified time.Time // S3's clock, in whole seconds
	ETag     string    // with quotes; empty for a marker
	Size     int64     // in bytes
}

// LastVersion finds the newest version of a state that is not a delete marker. current
// says whether that is the state that clients read. It fails with ErrGone when the bucket
// has no version of it, or with *Error.
func (b *Bucket) LastVersion(ctx context.Context, path tflock.Path) (versionID string, current bool, err error) {
	for page, err := range b.versions(ctx, path) {
		if err != nil {
			return "", false, err
		}
		for _, v := range page {
			if !v.Marker {
				return v.ID, v.Latest, nil
			}
		}
	}
	return "", false, ErrGone
}

// MaxHistory bounds the versions and markers of a state that History reads.
const MaxHistory = 10_000

// ErrDeepHistory says that a state has more versions and delete markers than MaxHistory, and that what
// is looked for is not among the newest of them.
var ErrDeepHistory = errors.New("there are more versions and delete markers than are read")

// History returns the versions and delete markers of a state, the newest first, as far back
// as the version of that ID, or all of them where there is none. A delete marker of the
// same second as a version counts as the newer one, unless the version is the latest. It
// fails with *Error, and with ErrDeepHistory where more than MaxHistory are newer: whoever writes
// one state again and again takes no more memory and calls than that, and what is further back is unknown.
func (b *Bucket) History(ctx context.Context, path tflock.Path, back string) ([]Version, error) {
	var all []Version
	for page, err := range b.versions(ctx, path) {
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if i := slices.IndexFunc(all, func(v Version) bool { return v.ID == back && !v.Marker }); i >= 0 {
			return all[:i+1], nil
		}
		if len(all) > MaxHistory {
			return nil, &Error{b.arn, fmt.Errorf("%w of %s", ErrDeepHistory, path)}
		}
	}
	return all, nil
}

// versions streams the versions of one key by pages, the newest first.
func (b *Bucket) versions(ctx context.Context, path tflock.Path) iter.Seq2[[]Version, error] {
	return func(yield func([]Version, error) bool) {
		key, err := b.object(path)
		if err != nil {
			yield(nil, err)
			return
		}
		for page, err := range b.versionPages(ctx, key) {
			if err != nil {
				yield(nil, err)
				return
			}
			found, others := versionsOf(key, page)
			// In S3 versions come by key, and the first key with a prefix is the prefix itself.
			if !yield(found, nil) || others && !b.outside() {
				return
			}
		}
	}
}

// versionsOf returns the versions of one key in a page, the newest first, and says whether
// the page has any of other keys.
func versionsOf(key string, page *s3.ListObjectVersionsOutput) (found []Version, others bool) {
	for _, v := range page.Versions {
		if aws.ToString(v.Key) != key {
			others = true
			continue
		}
		found = append(found, Version{ID: aws.ToString(v.VersionId), Latest: aws.ToBool(v.IsLatest), Modified: aws.ToTime(v.LastModified), ETag: aws.ToString(v.ETag), Size: aws.ToInt64(v.Size)})
	}
	for _, v := range page.DeleteMarkers {
		if aws.ToString(v.Key) != key {
			others = true
			continue
		}
		found = append(found, Version{ID: aws.ToString(v.VersionId), Marker: true, Latest: aws.ToBool(v.IsLatest), Modified: aws.ToTime(v.LastModified)})
	}
	// The SDK gives versions and markers as two lists, each in order.
	slices.SortStableFunc(found, func(a, b Version) int {
		switch order := b.Modified.Compare(a.Modified); {
		case a.Latest != b.Latest:
			return rank(a.Latest) - rank(b.Latest)
		case order != 0:
			return order
		default:
			return rank(a.Marker) - rank(b.Marker)
		}
	})
	return found, others
}

// rank puts true before false.
func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}
