package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
	"unique"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// maxLock bounds what is read as a lock. A DynamoDB row, which holds the same JSON,
// cannot pass 400 KB.
const maxLock = 400 << 10

// errGarbledName is for stores whose listings cannot carry every character of a key
// (versitygw puts U+FFFD in place of a control character): the object is there, under a name
// that nobody learns.
var errGarbledName = errors.New("the store lists a lock object, and finds none under the name that it lists: the name has a character that its listings cannot carry")

// read gets one lock object; false when there is none. One that S3 does not give us (see
// sealed) is held and unreadable, with the age and the ETag that a listing shows. Every
// other failure is an error, and so is a refusal of an object that cannot be listed
// either: S3 then denies what does not exist as well.
func (b *Bucket) read(ctx context.Context, key string) (tflock.Holding, bool, error) {
	h, found, err := b.get(ctx, key)
	if sealed(err) == "" {
		return h, found, b.failed(err)
	}
	listed, problem := b.listOne(ctx, key)
	switch {
	case problem != nil:
		return tflock.Holding{}, false, b.failed(err)
	case listed.Key == nil:
		return tflock.Holding{}, false, nil
	}
	listed.Key = &key
	return b.unreadable(listed, reason(err)), true, nil
}

// readListed is read for an object of a listing, by its plain key.
func (b *Bucket) readListed(ctx context.Context, listed types.Object) (tflock.Holding, bool, error) {
	h, found, err := b.get(ctx, aws.ToString(listed.Key))
	switch {
	case sealed(err) != "":
		return b.unreadable(listed, reason(err)), true, nil
	case err == nil && !found && strings.ContainsRune(aws.ToString(listed.Key), utf8.RuneError):
		return b.unreadable(listed, errGarbledName), true, nil
	}
	return h, found, b.failed(err)
}

func (b *Bucket) failed(err error) error {
	if err == nil {
		return nil
	}
	return &Error{b.arn, err}
}

// get gets one lock object, or says how AWS answered.
func (b *Bucket) get(ctx context.Context, key string) (tflock.Holding, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	out, err := b.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if noObject(err) {
		return tflock.Holding{}, false, nil
	}
	if err != nil {
		return tflock.Holding{}, false, err
	}
	defer out.Body.Close() //nolint:errcheck // nothing is lost with a body that was read
	var body bytes.Buffer  // io.Copy would allocate 32 KB for an object of 300 bytes
	body.Grow(int(min(max(aws.ToInt64(out.ContentLength), 0), maxLock)) + bytes.MinRead)
	size, err := body.ReadFrom(io.LimitReader(out.Body, maxLock+1))
	if err != nil {
		return tflock.Holding{}, false, err
	}
	h := tflock.FromObject(b.arn, b.name, key, body.String(), aws.ToString(out.ETag), b.inOurTime(aws.ToTime(out.LastModified), out.ResultMetadata))
	if size > maxLock {
		h.Raw, h.Err = "", tflock.ErrLarge
	}
	return h, true, nil
}

// unreadable is the holding of a lock object whose content is not known.
func (b *Bucket) unreadable(listed types.Object, why error) tflock.Holding {
	h := tflock.FromObject(b.arn, b.name, aws.ToString(listed.Key), "", aws.ToString(listed.ETag), aws.ToTime(listed.LastModified))
	h.Err = why
	return h
}

// sealedObject is the Err of a lock object that S3 does not give.
type sealedObject struct {
	why string
	// denied says that this function may not read it, which may be so of a lock of its own
	// too. What is archived, or encrypted with a key of its writer, is another's.
	denied bool
}

func (e *sealedObject) Error() string { return e.why }

// reason is why an object is sealed. Many have the same, so each text is kept once.
func reason(err error) *sealedObject {
	archived := code(err) == "InvalidObjectState" || code(err) == "InvalidRequest"
	return &sealedObject{why: unique.Make(sealed(err)).Value(), denied: !archived}
}

// MayBeReadLater reports whether what keeps a lock object from being read may pass by itself: a
// policy or a key that a deployment changes, and not its archive or a key of its writer.
func MayBeReadLater(h tflock.Holding) bool { return denied(h) }

// denied reports whether a holding is one that this function may not read.
func denied(h tflock.Holding) bool {
	why, ok := errors.AsType[*sealedObject](h.Err)
	return ok && why.denied
}

// sealed says why S3 refuses to give one object, or is empty when that is not what an
// error means. Listing refused is the bucket's failure; one object refused is an
// unreadable holding, which hides no other. That is any 4xx but those that concern the
// bucket, the caller or the moment: then the object may well be readable.
func sealed(err error) string {
	name, answered := code(err), status(err)
	if answered < 400 || answered >= 500 || name == "" || isTransient(name) {
		return ""
	}
	switch {
	case name == "NoSuchBucket" || inOtherRegion(err) || answered == http.StatusNotFound:
		return ""
	case name == "InvalidObjectState":
		return "the object was archived, by a lifecycle rule for example, so S3 does not give its content (" + cause(err) + ")"
	case name == "InvalidRequest": // S3's word for an object under a key of the client
		return "the object is encrypted with a key that only its writer has (SSE-C), so it cannot be read without it (" + cause(err) + ")"
	case strings.HasPrefix(name, "KMS."):
		return "the object's KMS key cannot be used, so it cannot be read (" + cause(err) + ")"
	case answered == http.StatusForbidden:
		return "access to the object is denied: its KMS key, a policy or its owner does not allow this function to read it (" + cause(err) + ")"
	}
	return fmt.Sprintf("S3 does not give the object (%s)", cause(err))
}

// isTransient reports whether a code is a throttle, a timeout or a matter of the credentials of the
// moment, whatever its HTTP status.
func isTransient(name string) bool {
	_, throttled := retry.DefaultThrottleErrorCodes[name]
	_, late := retry.DefaultRetryableErrorCodes[name]
	switch name {
	case "KMS.ThrottlingException", "KMS.InternalException", "KMS.KMSInternalException", "KMS.DependencyTimeoutException":
		return true
	}
	return throttled || late || credentialCode(name)
}

// credentialCode reports whether a code is a matter of the credentials of the moment.
func credentialCode(name string) bool {
	switch name {
	case "ExpiredToken", "ExpiredTokenException", "InvalidToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed":
		return true
	}
	return false
}
