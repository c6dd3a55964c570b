package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// ReplaceState writes other bytes over a state, on condition that it is still the one of
// that ETag, encrypted like another object, and returns their version. When the answer to a
// write is lost and the SDK repeats it, the state that is there is the one that was
// written, and that is success. It fails with ErrGone, *ChangedError or *Error; unless that
// is Refused, it may have been written.
func (b *Bucket) ReplaceState(ctx context.Context, path tflock.Path, content []byte, etag string, like Encryption) (versionID string, err error) {
	key, err := b.object(path)
	if err != nil {
		return "", err
	}
	if etag == "" {
		return "", fmt.Errorf("%s: the state was read without an ETag, so it cannot be replaced safely", path)
	}
	out, err := b.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: bytes.NewReader(content), ContentType: aws.String("application/json"), IfMatch: &etag,
		ServerSideEncryption: like.algorithm, SSEKMSKeyId: like.key, BucketKeyEnabled: like.bucketKey, ChecksumAlgorithm: checksum,
	})
	switch {
	case err == nil:
		return aws.ToString(out.VersionId), nil
	case noObject(err): // S3's answer to If-Match where there is no object
		return "", ErrGone
	case !conflicts(err):
		return "", &Error{b.arn, err}
	}
	versionID, lookErr := b.sameState(ctx, path, content)
	switch {
	case lookErr == nil:
		return versionID, nil
	case errors.Is(lookErr, ErrGone):
		return "", ErrGone
	case errors.Is(lookErr, ErrExists):
		return "", b.stateNow(ctx, key, etag, err)
	}
	return "", &Error{b.arn, &unsettledError{refused: err, look: lookErr}}
}
