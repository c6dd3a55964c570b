package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Bucket is an S3 state bucket. Its locks are `<state key>.tflock` objects, which
// Terraform and OpenTofu write with If-None-Match: * when use_lockfile is set.
type Bucket struct {
	s3   *roaming
	name string
	arn  string
}

// maxLock bounds what is read as a lock. A DynamoDB row, which holds the same JSON,
// cannot pass 400 KB.
const maxLock = 400 << 10

// checksum goes with every write: a bucket with object lock refuses those without one.
const checksum = types.ChecksumAlgorithmCrc32

var errTooLarge = errors.New("object is larger than any lock, so it was not read")

// ARN names the bucket.
func (b *Bucket) ARN() string { return b.arn }

// Name is the bucket's name, the first part of the paths of its states.
func (b *Bucket) Name() string { return b.name }

// Find reads the lock object of a state path (bucket/key). It is false where there
// is none, or where the path lies in another bucket.
func (b *Bucket) Find(ctx context.Context, path string) (tflock.Holding, bool, error) {
	bucket, key, ok := tflock.SplitPath(path)
	if !ok || bucket != b.name {
		return tflock.Holding{}, false, nil
	}
	return b.read(ctx, key+tflock.Suffix, time.Time{})
}

// read gets one lock object. An object that S3 will not decrypt without a key of
// the caller (SSE-C: 400 InvalidRequest) is held and unreadable, with the age that
// the listing gave. Every other refusal, a disabled KMS key among them, is an error:
// a lock that cannot be read today must not count as gone.
func (b *Bucket) read(ctx context.Context, key string, listed time.Time) (tflock.Holding, bool, error) {
	out, err := b.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if noObject(err) {
		return tflock.Holding{}, false, nil
	}
	if status(err) == http.StatusBadRequest && code(err) == "InvalidRequest" {
		h := tflock.FromObject(b.arn, b.name, key, "", "", listed)
		h.Err = fmt.Errorf("object cannot be read without its encryption key: %s", cause(err))
		return h, true, nil
	}
	if err != nil {
		return tflock.Holding{}, false, &Error{b.arn, err}
	}
	defer out.Body.Close() //nolint:errcheck // nothing is lost with a body that was read
	var body bytes.Buffer
	size, err := io.Copy(&body, io.LimitReader(out.Body, maxLock+1))
	if err != nil {
		return tflock.Holding{}, false, &Error{b.arn, err}
	}
	h := tflock.FromObject(b.arn, b.name, key, body.String(), aws.ToString(out.ETag), aws.ToTime(out.LastModified))
	if size > maxLock {
		h.Raw, h.Err = "", errTooLarge
	}
	return h, true, nil
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
	now, found, err := b.read(ctx, key, time.Time{})
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

func (b *Bucket) lockObject(path string) (key string, err error) {
	key, err = b.object(path)
	return key + tflock.Suffix, err
}

// StateWritten is when the state of that path (bucket/key) was last written, by
// S3's clock, in whichever of its tflock.ObjectPaths; zero when there is none. It lists,
// rather than reads, so that a role without access to states can ask: the first key with
// a prefix is the prefix itself.
func (b *Bucket) StateWritten(ctx context.Context, path string) (time.Time, error) {
	var latest time.Time
	for _, stored := range tflock.ObjectPaths(path) {
		written, err := b.objectWritten(ctx, stored)
		if err != nil {
			return time.Time{}, &Error{b.arn, err}
		}
		if written.After(latest) {
			latest = written
		}
	}
	return latest, nil
}

func (b *Bucket) objectWritten(ctx context.Context, path string) (time.Time, error) {
	_, key, _ := strings.Cut(path, "/")
	out, err := b.s3.ListObjectsV2(ctx, listInput(b.name, key, 1))
	if err == nil {
		err = genuine(out.Name)
	}
	if err != nil {
		return time.Time{}, err
	}
	for _, object := range out.Contents {
		if listedKey(object) == key {
			return aws.ToTime(object.LastModified), nil
		}
	}
	return time.Time{}, nil
}
