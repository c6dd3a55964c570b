package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Deleted is what S3 says of a delete that it made.
type Deleted struct {
	// Marker is the version ID of the delete marker: the delete can be undone. It is "null"
	// where versioning is suspended: the marker then took the place of the version "null", if
	// there was one. Empty: S3 made no marker, so that the object is gone permanently.
	Marker string
}

// DeleteState deletes a state on condition that it is still the one of that ETag: S3
// then only puts a delete marker on it, where the bucket is versioned. It fails with
// ErrGone when there is no state (by somebody else's delete, or by an earlier attempt of
// this one whose answer was lost: see History), with *ChangedError, or with *Error; unless
// that is Refused, it may have been deleted.
func (b *Bucket) DeleteState(ctx context.Context, path tflock.Path, etag string) (Deleted, error) {
	key, err := b.object(path)
	if err != nil {
		return Deleted{}, err
	}
	if etag == "" {
		return Deleted{}, fmt.Errorf("%s: the state was read without an ETag, so it cannot be deleted safely", path)
	}
	out, err := b.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, IfMatch: &etag})
	switch {
	case noObject(err):
		return Deleted{}, ErrGone
	case conflicts(err):
		return Deleted{}, b.stateNow(ctx, key, etag, err)
	case err != nil:
		return Deleted{}, &Error{b.arn, err}
	case !aws.ToBool(out.DeleteMarker):
		return Deleted{}, nil
	}
	return Deleted{Marker: aws.ToString(out.VersionId)}, nil
}

// stateNow says why a conditional delete was refused: the state is gone; it is another; or
// it is the same, since S3 answers 409 when two requests for an object meet.
func (b *Bucket) stateNow(ctx context.Context, key, etag string, refused error) error {
	out, err := b.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	switch {
	case status(err) == http.StatusNotFound: // HEAD has no body for a code
		return ErrGone
	case err != nil:
		return &Error{b.arn, &unsettledError{refused: refused, look: err}}
	case aws.ToString(out.ETag) == etag:
		return &Error{b.arn, refused}
	}
	return &ChangedError{}
}

// ErrExists says that there is a state where one was to be written.
var ErrExists = errors.New("there is a state already")

// WriteState writes a state on condition that there is none, encrypted like another
// object, and returns its version. When the answer to a write is lost and the SDK repeats it,
// the state that is there is the one that was written, and that is success. It fails with
// ErrExists when another is there, or with *Error; unless that is Refused, it may have been
// written.
func (b *Bucket) WriteState(ctx context.Context, path tflock.Path, content []byte, like Encryption) (versionID string, err error) {
	key, err := b.object(path)
	if err != nil {
		return "", err
	}
	for again := false; ; again = true {
		out, err := b.s3.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &b.name, Key: &key, Body: bytes.NewReader(content), ContentType: aws.String("application/json"), IfNoneMatch: aws.String("*"),
			ServerSideEncryption: like.algorithm, SSEKMSKeyId: like.key, BucketKeyEnabled: like.bucketKey, ChecksumAlgorithm: checksum,
		})
		if !conflicts(err) {
			if err != nil {
				return "", &Error{b.arn, err}
			}
			return aws.ToString(out.VersionId), nil
		}
		versionID, lookErr := b.sameState(ctx, path, content)
		switch {
		case lookErr == nil, errors.Is(lookErr, ErrExists):
			return versionID, lookErr
		case !errors.Is(lookErr, ErrGone):
			return "", &Error{b.arn, &unsettledError{refused: err, look: lookErr}}
		case !again:
			continue // it was deleted in between
		case status(err) == http.StatusPreconditionFailed:
			err = ErrOverMarker
		}
		return "", &Error{b.arn, err}
	}
}

// sameState returns the version of the state that is there if it has these bytes. It fails
// with ErrExists if it has others, and like ReadState.
func (b *Bucket) sameState(ctx context.Context, path tflock.Path, want []byte) (versionID string, err error) {
	there, err := b.ReadState(ctx, path, "")
	if _, sealed := errors.AsType[*SealedError](err); sealed {
		return "", ErrExists // somebody else's, since we could read our own
	}
	if err != nil {
		return "", err
	}
	defer there.Close() //nolint:errcheck // nothing is lost with a body that was read
	got, err := io.ReadAll(io.LimitReader(there, int64(len(want))+1))
	if err != nil {
		return "", &Error{b.arn, err}
	}
	if !bytes.Equal(got, want) {
		return "", ErrExists
	}
	return there.VersionID, nil
}
