package backend

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var (
	// ErrOverMarker is for stores on which a deleted object blocks its own key permanently
	// (versitygw 1.8.0): S3 itself accepts If-None-Match over a delete marker.
	ErrOverMarker   = errors.New("the store refuses to create the object, although there is none: it counts a delete marker as an object, or another client took and released a lock twice just now")
	errTransactions = errors.New("somebody has transactions under way on the row")
	errDigestRow    = errors.New("a row of that name is there that is not a lock, but the digest of another state")
)

// maxKey is S3's limit for an object's key, in bytes.
const maxKey = 1024

// Lockable reports whether a state of that path (bucket/key) can have a lock object: the
// object's key must not be longer than S3's limit of 1,024 bytes.
func (b *Bucket) Lockable(path tflock.Path) bool {
	key, err := b.lockObject(path)
	return err == nil && len(key) <= maxKey
}

// Acquire writes a lock object as Terraform does, on condition that there is none, with
// the bucket's own encryption. See AcquireLike.
func (b *Bucket) Acquire(ctx context.Context, path tflock.Path, raw []byte) (tflock.Holding, error) {
	return b.AcquireLike(ctx, path, raw, Encryption{})
}

// AcquireLike writes a lock object as Terraform does, on condition that there is none,
// encrypted like another object: a bucket policy may demand an encryption header. raw must
// be what tflock.Info.Marshal gives.
//
// It fails with *HeldError when another lock is there, and nothing of ours is then. It fails
// with *Error otherwise; unless that is Refused, the lock may be there. 409 is S3's word for
// two writers at once. When the answer to a write is lost and the SDK repeats it, the lock
// that is there is our own, and that is success.
func (b *Bucket) AcquireLike(ctx context.Context, path tflock.Path, raw []byte, like Encryption) (tflock.Holding, error) {
	key, err := b.lockObject(path)
	if err != nil {
		return tflock.Holding{}, err
	}
	asked := time.Now()
	for again := false; ; again = true {
		out, err := b.s3.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &b.name, Key: &key, Body: bytes.NewReader(raw), ContentType: aws.String("application/json"), IfNoneMatch: aws.String("*"),
			ServerSideEncryption: like.algorithm, SSEKMSKeyId: like.key, BucketKeyEnabled: like.bucketKey, ChecksumAlgorithm: checksum,
		})
		if conflicts(err) {
			h, found, lookErr := b.read(ctx, key)
			switch {
			case lookErr != nil && b.older(ctx, key, raw, asked):
				return tflock.Holding{}, &HeldError{b.arn, &tflock.Holding{Kind: tflock.S3, Store: b.arn, Path: path, Err: lookErr}}
			case lookErr != nil:
				return tflock.Holding{}, &Error{b.arn, &unsettledError{refused: err, look: lookErr}}
			case found && h.Raw == string(raw):
				return h, nil
			case found && denied(h): // it may be our own
				return tflock.Holding{}, &Error{b.arn, &unsettledError{refused: err, look: h.Err}}
			case found:
				return tflock.Holding{}, &HeldError{b.arn, &h}
			case !again:
				continue // it was released in between
			case status(err) == http.StatusPreconditionFailed:
				err = ErrOverMarker
			}
			return tflock.Holding{}, &Error{b.arn, err}
		}
		if err == nil && aws.ToString(out.ETag) == "" { // without it the lock could not be released
			err = errNotS3
		}
		if err != nil {
			return tflock.Holding{}, &Error{b.arn, err}
		}
		return tflock.FromObject(b.arn, b.name, key, string(raw), aws.ToString(out.ETag), time.Time{}), nil
	}
}

// older reports whether a listing shows that the lock object there is not ours: it was there before we asked, or has
// another size. S3 may fail to give an object that it lists, such as one under a key in a store that does not answer.
func (b *Bucket) older(ctx context.Context, key string, raw []byte, asked time.Time) bool {
	const skew = time.Minute // how far our clock and S3's may differ
	listed, err := b.listOne(ctx, key)
	return err == nil && listed.Key != nil && (aws.ToTime(listed.LastModified).Before(asked.Add(-skew)) || aws.ToInt64(listed.Size) != int64(len(raw)))
}

// conflicts reports whether S3 refused a conditional request because of what is there.
func conflicts(err error) bool {
	code := status(err)
	return code == http.StatusPreconditionFailed || code == http.StatusConflict
}

// Acquire writes a lock row as Terraform does, on condition that there is none.
// raw must be what tflock.Info.Marshal gives.
//
// It fails with *HeldError when something else is there, and nothing of ours is then. It
// fails with *Error otherwise; unless that is Refused, the lock may be there. When the
// answer to a write is lost and the SDK repeats it, the lock that is there is our own, and
// that is success. A transaction that works on the row counts as something else, at once: whoever may write
// the row could have us wait for as long as the SDK repeats a call.
func (t *Table) Acquire(ctx context.Context, path tflock.Path, raw []byte) (tflock.Holding, error) {
	item := lockKey(string(path))
	item["Info"] = &types.AttributeValueMemberS{Value: string(raw)}
	own, _ := t.holding(item)
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, Item: item, ConditionExpression: aws.String("attribute_not_exists(LockID)"),
	})
	_, held := errors.AsType[*types.ConditionalCheckFailedException](err)
	busy := code(err) == transactionConflict
	switch {
	case held, busy:
	case err != nil:
		return tflock.Holding{}, &Error{t.arn, err}
	default:
		return own, nil
	}
	there, err := t.afterRefusal(ctx, string(path), err)
	if err != nil {
		return tflock.Holding{}, err
	}
	switch h, isLock := t.holding(there); {
	case there == nil && busy:
		return tflock.Holding{}, &HeldError{t.arn, &tflock.Holding{Kind: tflock.DynamoDB, Store: t.arn, Path: path, Err: errTransactions}}
	case there == nil: // released in between
		return tflock.Holding{}, &HeldError{Store: t.arn}
	case !isLock:
		return tflock.Holding{}, &HeldError{t.arn, &tflock.Holding{Kind: tflock.DynamoDB, Store: t.arn, Path: path, Err: errDigestRow}}
	case h.Raw == string(raw):
		return own, nil
	default:
		return tflock.Holding{}, &HeldError{t.arn, &h}
	}
}

// afterRefusal returns the row that made a condition fail, or nil where there is none any more. DynamoDB would
// return it with the error, but whole, however many attributes it has. It fails with *Error: then nothing is known.
func (t *Table) afterRefusal(ctx context.Context, id string, refused error) (map[string]types.AttributeValue, error) {
	row, err := t.row(ctx, id)
	if err != nil {
		return nil, &Error{t.arn, &unsettledError{refused: refused, look: err}}
	}
	return row, nil
}
