package backend

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Bucket is an S3 state bucket. Its locks are `<state key>.tflock` objects, which
// Terraform and OpenTofu write with If-None-Match: * when use_lockfile is set.
type Bucket struct {
	s3         *regionalS3
	name       string
	arn        string
	conditions *conditions
}

// checksum goes with every write: a bucket with object lock refuses those without one.
const checksum = types.ChecksumAlgorithmCrc32

// ARN names the bucket.
func (b *Bucket) ARN() string { return b.arn }

// Name is the bucket's name, the first part of the paths of its states.
func (b *Bucket) Name() string { return b.name }

// Find reads the lock object of a state path (bucket/key). It is false where there
// is none, or where the path is in another bucket.
func (b *Bucket) Find(ctx context.Context, path tflock.Path) (tflock.Holding, bool, error) {
	if !path.Valid() || !matches(b.name, path.Bucket()) { // it has a * where a search failed: then the read fails
		return tflock.Holding{}, false, nil
	}
	return b.read(ctx, path.Key()+tflock.Suffix)
}

// Release deletes the object on condition that it is still the one that h was read
// from, by its ETag. It fails with ErrGone, *ChangedError or *Error.
func (b *Bucket) Release(ctx context.Context, h tflock.Holding) error {
	key, err := b.lockObject(h.Path)
	if err != nil {
		return err
	}
	if h.ETag == "" {
		return fmt.Errorf("%s: the lock was read without an ETag, so it cannot be removed safely", b.arn)
	}
	_, err = b.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, IfMatch: &h.ETag})
	switch code := status(err); {
	case noObject(err):
		return ErrGone
	case code == http.StatusPreconditionFailed || code == http.StatusConflict:
		return b.winner(ctx, key, h, err)
	case err != nil:
		return &Error{b.arn, err}
	}
	return nil
}

// winner names who holds the lock after a conditional delete was refused. The same
// lock is no winner: S3 answers 409 when two requests for an object meet.
func (b *Bucket) winner(ctx context.Context, key string, h tflock.Holding, refused error) error {
	now, found, err := b.read(ctx, key)
	switch {
	case err != nil:
		return &Error{b.arn, &unsettledError{refused: refused, look: err}}
	case !found:
		return ErrGone
	case now.ETag == h.ETag:
		return &Error{b.arn, refused}
	case now.ETag == "": // it cannot be read, and may be the same one
		return &Error{b.arn, &unsettledError{refused: refused, look: now.Err}}
	default:
		return &ChangedError{Now: &now}
	}
}

func (b *Bucket) lockObject(path tflock.Path) (key string, err error) {
	key, err = b.object(path)
	return key + tflock.Suffix, err
}

// StateWritten is when the state of that path (bucket/key) was last written, by
// S3's clock, in whichever of its Objects; zero when there is none. It lists,
// rather than reads, so that a role without access to states can ask.
func (b *Bucket) StateWritten(ctx context.Context, path tflock.Path) (time.Time, error) {
	var latest time.Time
	for _, stored := range path.Objects() {
		object, err := b.listOne(ctx, stored.Key())
		if err != nil {
			return time.Time{}, err
		}
		if written := aws.ToTime(object.LastModified); written.After(latest) {
			latest = written
		}
	}
	return latest, nil
}

// listOne returns an object as a listing shows it; a zero one when there is none. It fails
// with *Error. In S3 the first key with a prefix is the prefix itself; other stores may give
// any key with the prefix first (SeaweedFS does in a versioned bucket), so there all are read.
func (b *Bucket) listOne(ctx context.Context, key string) (types.Object, error) {
	limit := int32(1)
	if b.outside() {
		limit = 1000
	}
	for page, err := range b.list(ctx, listInput(b.name, key, limit)) {
		if err != nil {
			return types.Object{}, err
		}
		for _, object := range page.Contents {
			if listedKey(page.EncodingType, object) == key {
				if object.LastModified != nil {
					object.LastModified = aws.Time(b.inOurTime(*object.LastModified, page.ResultMetadata))
				}
				return object, nil
			}
		}
		if limit == 1 {
			break
		}
	}
	return types.Object{}, nil
}
