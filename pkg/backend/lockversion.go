package backend

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// LockVersions reads lock objects as they were when S3 reported that they were created.
type LockVersions struct{ client *s3.Client }

// NewLockVersions reads in the region of that configuration: a bucket notifies only queues of
// its own region.
func NewLockVersions(cfg aws.Config) *LockVersions {
	c := newClients(cfg, cfg)
	return &LockVersions{c.s3(c.home)}
}

// Read returns what a lock object said. versionID is empty in a bucket without versions. It
// is false where that object is gone, where another one has its key by now, where nobody
// can read it (archived, or under a key of its writer), and where it is not a lock. It fails
// where S3 refuses to read it or does not answer.
func (l *LockVersions) Read(ctx context.Context, bucket, key, versionID, etag string) (tflock.Info, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	input := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	if versionID != "" {
		input.VersionId = &versionID
	} else {
		input.IfMatch = aws.String(`"` + etag + `"`)
	}
	out, err := l.client.GetObject(ctx, input)
	if err != nil {
		switch {
		case unavailable(err), refusedByKey(err):
			return tflock.Info{}, false, nil
		case status(err) == http.StatusForbidden:
			return tflock.Info{}, false, &refusedRead{bucket, err}
		}
		return tflock.Info{}, false, &Error{"bucket " + bucket, err}
	}
	defer out.Body.Close() //nolint:errcheck // nothing is lost with a body that was read
	body, err := io.ReadAll(io.LimitReader(out.Body, maxLock+1))
	if err != nil {
		return tflock.Info{}, false, &Error{"bucket " + bucket, err}
	}
	info, err := tflock.ParseInfo(body)
	return info, err == nil && len(body) <= maxLock, nil
}

// refusedByKey reports whether the object's KMS key refuses the read. Its writer chose the key, and could
// keep every alarm about lost events red with one that nobody else may use. What S3's event says
// without the object is recorded all the same.
func refusedByKey(err error) bool {
	if name := code(err); strings.HasPrefix(name, "KMS.") {
		return !isTransient(name)
	}
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && status(err) == http.StatusForbidden && strings.Contains(api.ErrorMessage(), "kms:")
}

// refusedRead is a refusal with its likely cause: whoever connects a bucket to the queue
// and does not have it watched gets one for each lock.
type refusedRead struct {
	bucket string
	err    error
}

func (e *refusedRead) Error() string {
	return "bucket " + e.bucket + ": S3 refuses to read a lock object: the bucket is not watched, or its policy does not allow it"
}

func (e *refusedRead) Unwrap() error { return e.err }

// unavailable reports whether no repetition of a read will show what the object said.
func unavailable(err error) bool {
	switch code(err) {
	case "NoSuchKey", "NoSuchVersion", "NoSuchBucket", // gone
		"PreconditionFailed", // another object has the key
		"MethodNotAllowed",   // the version is a delete marker
		"InvalidArgument",    // no version can have that ID
		"InvalidRequest",     // SSE-C
		"InvalidObjectState": // archived
		return true
	}
	return false
}
