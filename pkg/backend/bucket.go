package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Bucket is an S3 state bucket. Its locks are `<state key>.tflock` objects, which
// Terraform and OpenTofu write with If-None-Match: * when use_lockfile is set.
type Bucket struct {
	clients func(region string) *s3.Client
	home    string // the region to ask first
	name    string
	arn     string

	mu     sync.Mutex
	region string // empty until it was looked up
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

// client talks to the bucket's own region, which an S3 ARN does not say. HeadBucket
// tells it, even in the error that a request to another region gets.
func (b *Bucket) client(ctx context.Context) (*s3.Client, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.region == "" {
		out, err := b.clients(b.home).HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name})
		switch response, answered := errors.AsType[*awshttp.ResponseError](err); {
		case err == nil:
			b.region = aws.ToString(out.BucketRegion)
		case answered && response.HTTPStatusCode() != http.StatusNotFound:
			b.region = response.Response.Header.Get("X-Amz-Bucket-Region")
		}
		if b.region == "" && err != nil {
			return nil, &Error{b.arn, err}
		}
		if b.region == "" { // an emulator that does not say
			b.region = b.home
		}
	}
	return b.clients(b.region), nil
}

// Find reads the lock object of a state path (bucket/key). It is false where there
// is none, or where the path lies in another bucket.
func (b *Bucket) Find(ctx context.Context, path string) (tflock.Holding, bool, error) {
	bucket, key, ok := tflock.SplitPath(path)
	if !ok || bucket != b.name {
		return tflock.Holding{}, false, nil
	}
	client, err := b.client(ctx)
	if err != nil {
		return tflock.Holding{}, false, err
	}
	return b.read(ctx, client, key+tflock.Suffix, time.Time{})
}

// read gets one lock object. An object that S3 will not decrypt without a key of
// the caller (SSE-C: 400 InvalidRequest) is held and unreadable, with the age that
// the listing gave. Every other refusal, a disabled KMS key among them, is an error:
// a lock that cannot be read today must not count as gone.
func (b *Bucket) read(ctx context.Context, client *s3.Client, key string, listed time.Time) (tflock.Holding, bool, error) {
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if status(err) == http.StatusNotFound {
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

// Acquire writes a lock object as Terraform does, on condition that there is none.
// raw must be what tflock.Info.Marshal gives. It fails with *HeldError or *Error; after
// the latter the lock may stand. 409 is S3's word for two writers at once. When the
// answer to a write is lost and the SDK repeats it, the lock that stands there is our own.
func (b *Bucket) Acquire(ctx context.Context, path string, raw []byte) (tflock.Holding, error) {
	client, key, err := b.lockObject(ctx, path)
	if err != nil {
		return tflock.Holding{}, err
	}
	out, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: bytes.NewReader(raw), ContentType: aws.String("application/json"), IfNoneMatch: aws.String("*"),
		ChecksumAlgorithm: checksum,
	})
	if code := status(err); code == http.StatusPreconditionFailed || code == http.StatusConflict {
		h, found, err := b.read(ctx, client, key, time.Time{})
		switch {
		case err != nil || !found:
			return tflock.Holding{}, &HeldError{Store: b.arn}
		case h.Raw == string(raw):
			return h, nil
		}
		return tflock.Holding{}, &HeldError{b.arn, &h}
	}
	if err == nil && aws.ToString(out.ETag) == "" { // without it the lock could not be released
		err = errNotS3
	}
	if err != nil {
		return tflock.Holding{}, &Error{b.arn, err}
	}
	return tflock.FromObject(b.arn, b.name, key, string(raw), aws.ToString(out.ETag), time.Time{}), nil
}

// Release deletes the object on condition that it is still the one that h was read
// from, by its ETag. It fails with ErrGone, *ChangedError or *Error.
func (b *Bucket) Release(ctx context.Context, h tflock.Holding) error {
	client, key, err := b.lockObject(ctx, h.Path)
	if err != nil {
		return err
	}
	if h.ETag == "" {
		return fmt.Errorf("%s: the lock was read without an ETag, so it cannot be removed safely", b.arn)
	}
	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, IfMatch: &h.ETag})
	switch status(err) {
	case http.StatusNotFound:
		return ErrGone
	case http.StatusPreconditionFailed, http.StatusConflict:
		return b.winner(ctx, client, key, h, err)
	}
	if err != nil {
		return &Error{b.arn, err}
	}
	return nil
}

// winner names who holds the lock after a conditional delete was refused. The same
// lock is no winner: S3 answers 409 when two requests for an object meet.
func (b *Bucket) winner(ctx context.Context, client *s3.Client, key string, h tflock.Holding, refused error) error {
	now, found, err := b.read(ctx, client, key, time.Time{})
	switch {
	case err != nil:
		return &ChangedError{}
	case !found:
		return ErrGone
	case now.ETag == h.ETag:
		return &Error{b.arn, refused}
	default:
		return &ChangedError{Now: &now}
	}
}

func (b *Bucket) lockObject(ctx context.Context, path string) (client *s3.Client, key string, err error) {
	client, key, err = b.object(ctx, path)
	return client, key + tflock.Suffix, err
}

// StateWritten is when the state of that path (bucket/key) was last written, by
// S3's clock; zero when there is none. It lists, rather than reads, so that a
// role without access to states can ask: the first key with a prefix is the
// prefix itself.
func (b *Bucket) StateWritten(ctx context.Context, path string) (time.Time, error) {
	client, err := b.client(ctx)
	if err != nil {
		return time.Time{}, err
	}
	_, key, _ := strings.Cut(path, "/")
	out, err := client.ListObjectsV2(ctx, listInput(b.name, key, 1))
	if err == nil {
		err = genuine(out.Name)
	}
	if err != nil {
		return time.Time{}, &Error{b.arn, err}
	}
	for _, object := range out.Contents {
		if listedKey(object) == key {
			return aws.ToTime(object.LastModified), nil
		}
	}
	return time.Time{}, nil
}
