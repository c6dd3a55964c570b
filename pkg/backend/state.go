package backend

import (
	"context"
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
	Size     int64     // in bytes
	ETag     string    // with quotes, as S3 gives it
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
		for page, err := range b.list(ctx, input) {
			if err != nil {
				yield(Object{}, err)
				return
			}
			for _, o := range page.Contents {
				if !yield(Object{listedKey(page.EncodingType, o), aws.ToTime(o.LastModified), aws.ToInt64(o.Size), aws.ToString(o.ETag)}, nil) {
					return
				}
			}
		}
	}
}

// Stat returns a state as a listing would show it, asked for by its name. It fails with ErrGone
// or with *Error; one that is Refused says nothing of whether it is there.
func (b *Bucket) Stat(ctx context.Context, path tflock.Path) (Object, error) {
	key, err := b.object(path)
	if err != nil {
		return Object{}, err
	}
	out, err := b.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	switch {
	case status(err) == http.StatusNotFound: // HEAD has no body for a code
		return Object{}, ErrGone
	case err == nil && aws.ToString(out.ETag) == "":
		return Object{}, &Error{b.arn, errNotS3}
	case err != nil:
		return Object{}, &Error{b.arn, err}
	}
	return Object{key, aws.ToTime(out.LastModified), aws.ToInt64(out.ContentLength), aws.ToString(out.ETag)}, nil
}

// Versioned reports whether a delete in this bucket only adds a marker, and so can be
// undone. A bucket whose versioning is suspended is not versioned.
func (b *Bucket) Versioned(ctx context.Context) (bool, error) {
	out, err := inTime(ctx, func(ctx context.Context) (*s3.GetBucketVersioningOutput, error) {
		return b.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.name})
	})
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

	Encryption Encryption
}

// Encryption is how S3 encrypts an object at rest, for another that is to be as safe. The
// zero value leaves it to the bucket's default.
type Encryption struct {
	algorithm types.ServerSideEncryption
	key       *string // the KMS key's ARN
	bucketKey *bool
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
func (b *Bucket) ReadState(ctx context.Context, path tflock.Path, versionID string) (State, error) {
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
		Encryption: Encryption{algorithm: out.ServerSideEncryption, key: out.SSEKMSKeyId, bucketKey: out.BucketKeyEnabled},
	}, nil
}

// Tagged reports whether the state of a path carries an object tag of that name. It
// fails with ErrGone or *Error.
func (b *Bucket) Tagged(ctx context.Context, path tflock.Path, tag string) (bool, error) {
	key, err := b.object(path)
	if err != nil {
		return false, err
	}
	out, err := b.s3.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &b.name, Key: &key})
	if noObject(err) {
		return false, ErrGone
	}
	if err == nil && out.TagSet == nil { // S3 gives an empty one where there are no tags, and some stores none
		if err = b.answers(ctx, key); status(err) == http.StatusNotFound {
			return false, ErrGone
		}
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

// answers fails unless an object is answered for by a store, and not by a proxy in its place,
// whose pages have no ETag.
func (b *Bucket) answers(ctx context.Context, key string) error {
	out, err := b.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	if err == nil && aws.ToString(out.ETag) == "" {
		err = errNotS3
	}
	return err
}

// object returns the key of a path of this bucket.
func (b *Bucket) object(path tflock.Path) (key string, err error) {
	if !path.Valid() || !matches(b.name, path.Bucket()) {
		return "", fmt.Errorf("%s: state %q is in another bucket", b.arn, path)
	}
	return path.Key(), nil
}
