package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Object is one key of a state bucket, as a listing shows it.
type Object struct {
	Key      string
	Modified time.Time // S3's clock
}

// Objects streams the keys with that prefix, in the order of their bytes, from the
// first one after the key `after`. It holds one page of at most 1000 keys, and ends
// after the first error, which is an *Error.
func (b *Bucket) Objects(ctx context.Context, prefix, after string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		input := listInput(b.name, prefix, 1000)
		if after != "" {
			input.StartAfter = &after
		}
		pages := s3.NewListObjectsV2Paginator(b.s3, input)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err == nil {
				err = genuine(page.Name)
			}
			if err != nil {
				yield(Object{}, &Error{b.arn, err})
				return
			}
			for _, o := range page.Contents {
				if !yield(Object{listedKey(o), aws.ToTime(o.LastModified)}, nil) {
					return
				}
			}
		}
	}
}

// Versioned says whether a delete in this bucket only adds a marker, and so can be
// undone. A bucket whose versioning is suspended is not versioned.
func (b *Bucket) Versioned(ctx context.Context) (bool, error) {
	out, err := b.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.name})
	if err != nil {
		return false, &Error{b.arn, err}
	}
	return out.Status == types.BucketVersioningStatusEnabled, nil
}

// State is a state's bytes, still to be read, with what S3 says of them. Close it.
type State struct {
	io.ReadCloser
	ETag      string
	VersionID string // empty in a bucket without versions
	Modified  time.Time
	Size      int64

	// How S3 encrypts it, for a copy that is to be as safe. Empty for a plain one.
	encryption types.ServerSideEncryption
	key        *string // of KMS
}

// SealedError says that the bytes of a state cannot be had: encrypted with a key of its
// owner or archived, which is the object's own affair, or Denied.
type SealedError struct {
	Err    *Error
	Denied bool // the role or a key does not allow it, and somebody should see to that
}

func (e *SealedError) Error() string { return e.Err.Error() }

func (e *SealedError) Unwrap() error { return e.Err }

// ReadState opens the state of a path (bucket/key); of an older version when one is
// named. It fails with ErrGone, *SealedError or *Error.
func (b *Bucket) ReadState(ctx context.Context, path, versionID string) (State, error) {
	key, err := b.object(path)
	if err != nil {
		return State{}, err
	}
	input := &s3.GetObjectInput{Bucket: &b.name, Key: &key}
	if versionID != "" {
		input.VersionId = &versionID
	}
	out, err := b.s3.GetObject(ctx, input)
	switch name := code(err); {
	case noObject(err):
		return State{}, ErrGone
	// InvalidRequest is S3's word for an object that only its owner's key opens.
	case name == "InvalidRequest", name == "InvalidObjectState":
		return State{}, &SealedError{Err: &Error{b.arn, err}}
	case name == "AccessDenied", strings.HasPrefix(name, "KMS."):
		return State{}, &SealedError{Err: &Error{b.arn, err}, Denied: true}
	case err != nil:
		return State{}, &Error{b.arn, err}
	}
	return State{
		ReadCloser: out.Body, ETag: aws.ToString(out.ETag), VersionID: aws.ToString(out.VersionId),
		Modified: aws.ToTime(out.LastModified), Size: aws.ToInt64(out.ContentLength),
		encryption: out.ServerSideEncryption, key: out.SSEKMSKeyId,
	}, nil
}

// Tagged says whether the state of a path carries an object tag of that name. It
// fails with ErrGone or *Error.
func (b *Bucket) Tagged(ctx context.Context, path, tag string) (bool, error) {
	key, err := b.object(path)
	if err != nil {
		return false, err
	}
	out, err := b.s3.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &b.name, Key: &key})
	if noObject(err) {
		return false, ErrGone
	}
	if err == nil && out.TagSet == nil { // S3 gives an empty one where there are no tags
		err = errNotS3
	}
	if err != nil {
		return false, &Error{b.arn, err}
	}
	for _, t := range out.TagSet {
		if aws.ToString(t.Key) == tag {
			return true, nil
		}
	}
	return false, nil
}

// DeleteState deletes a state on condition that it is still the one of that ETag: S3
// then only puts a delete marker on it, where the bucket is versioned. It fails with
// ErrGone, *ChangedError or *Error.
func (b *Bucket) DeleteState(ctx context.Context, path, etag string) error {
	key, err := b.object(path)
	if err != nil {
		return err
	}
	if etag == "" {
		return fmt.Errorf("%s: the state was read without an ETag, so it cannot be deleted safely", path)
	}
	_, err = b.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, IfMatch: &etag})
	switch code := status(err); {
	case noObject(err):
		return ErrGone
	case code == http.StatusPreconditionFailed || code == http.StatusConflict:
		return b.stateNow(ctx, key, etag, err)
	case err != nil:
		return &Error{b.arn, err}
	}
	return nil
}

// stateNow says why a conditional delete was refused: the state is gone, by the first of
// two deletes of ours whose answer was lost; it is another; or it is the same, since S3
// answers 409 when two requests for an object meet.
func (b *Bucket) stateNow(ctx context.Context, key, etag string, refused error) error {
	out, err := b.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	switch {
	case status(err) == http.StatusNotFound: // HEAD has no body for a code
		return ErrGone
	case err != nil:
		return &Error{b.arn, err}
	case aws.ToString(out.ETag) == etag:
		return &Error{b.arn, refused}
	}
	return &ChangedError{}
}

// ErrExists says that there is a state where one was to be written.
var ErrExists = errors.New("there is a state already")

// WriteState writes a state on condition that there is none, encrypted as the one that
// it was read from, and gives its version. It fails with ErrExists or *Error. When the
// answer to a write is lost and the SDK repeats it, the state that stands there is ours.
func (b *Bucket) WriteState(ctx context.Context, path string, content []byte, like State) (versionID string, err error) {
	key, err := b.object(path)
	if err != nil {
		return "", err
	}
	out, err := b.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: bytes.NewReader(content), ContentType: aws.String("application/json"), IfNoneMatch: aws.String("*"),
		ServerSideEncryption: like.encryption, SSEKMSKeyId: like.key, ChecksumAlgorithm: checksum,
	})
	switch status(err) {
	case http.StatusPreconditionFailed, http.StatusConflict:
		return b.sameState(ctx, path, content)
	}
	if err != nil {
		return "", &Error{b.arn, err}
	}
	return aws.ToString(out.VersionId), nil
}

// sameState gives the version of the state that is there if it has these bytes, and
// ErrExists if not.
func (b *Bucket) sameState(ctx context.Context, path string, want []byte) (versionID string, err error) {
	there, err := b.ReadState(ctx, path, "")
	if err != nil {
		return "", ErrExists
	}
	defer there.Close() //nolint:errcheck // nothing is lost with a body that was read
	got, err := io.ReadAll(io.LimitReader(there, int64(len(want))+1))
	if err != nil || !bytes.Equal(got, want) {
		return "", ErrExists
	}
	return there.VersionID, nil
}

// LastVersion finds the newest version of a state that is no delete marker. current
// says whether that is the state of now. It fails with ErrGone when the bucket has
// no version of it, or with *Error.
func (b *Bucket) LastVersion(ctx context.Context, path string) (versionID string, current bool, err error) {
	key, err := b.object(path)
	if err != nil {
		return "", false, err
	}
	// Without the encoding of keys that listings use: the paginator would hand back its
	// encoded marker as it is, and S3 begin anew.
	pages := s3.NewListObjectVersionsPaginator(b.s3, &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &key})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err == nil {
			err = genuine(page.Name)
		}
		if err != nil {
			return "", false, &Error{b.arn, err}
		}
		// Versions come by key, each key's newest first, and the first key with a prefix
		// is the prefix itself.
		for _, v := range page.Versions {
			if aws.ToString(v.Key) != key {
				return "", false, ErrGone
			}
			return aws.ToString(v.VersionId), aws.ToBool(v.IsLatest), nil
		}
	}
	return "", false, ErrGone
}

// object parts a path of this bucket.
func (b *Bucket) object(path string) (key string, err error) {
	bucket, key, ok := tflock.SplitPath(path)
	if !ok || bucket != b.name {
		return "", fmt.Errorf("%s: state %q lies in another bucket", b.arn, path)
	}
	return key, nil
}
