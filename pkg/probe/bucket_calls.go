package probe

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// objects are the calls of an S3 client that a probe makes.
type objects interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(ctx context.Context, in *s3.GetObjectInput, options ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	DeleteObject(ctx context.Context, in *s3.DeleteObjectInput, options ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
	GetBucketVersioning(ctx context.Context, in *s3.GetBucketVersioningInput, options ...func(*s3.Options)) (*s3.GetBucketVersioningOutput, error)
}

// condition is what must be so for a write.
type condition func(in *s3.PutObjectInput)

func always(*s3.PutObjectInput) {}

func ifNone(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }

func ifMatch(etag string) condition { return func(in *s3.PutObjectInput) { in.IfMatch = &etag } }

// put writes the scratch object, on a condition. Each has other bytes, so that they have other
// ETags.
func (b *bucketProbe) put(ctx context.Context, text string, only condition) error {
	in := &s3.PutObjectInput{
		Bucket: &b.bucket, Key: &b.key, Body: strings.NewReader(scratch + "\n" + text + "\n"), ContentType: aws.String("text/plain"),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	}
	only(in)
	b.absent = false
	out, err := b.client.PutObject(ctx, in)
	if err == nil {
		b.etag = aws.ToString(out.ETag)
		b.leave(aws.ToString(out.VersionId))
	}
	b.wrote = b.wrote || status(err)/100 != 4 // a lost answer may have been good
	return err
}

func (b *bucketProbe) leave(version string) {
	if version != "" {
		b.left = append(b.left, version)
	}
}

// look says why the object cannot be read, or nothing where it can.
func (b *bucketProbe) look(ctx context.Context) error {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: &b.key})
	if err != nil {
		return err
	}
	return out.Body.Close()
}

// remove deletes the scratch object; an empty ETag is no condition.
func (b *bucketProbe) remove(ctx context.Context, etag string) error {
	in := &s3.DeleteObjectInput{Bucket: &b.bucket, Key: &b.key}
	if etag != "" {
		in.IfMatch = &etag
	}
	out, err := b.client.DeleteObject(ctx, in)
	if err == nil {
		b.leave(aws.ToString(out.VersionId))
	}
	return err
}

// clean removes what the probe wrote, though its time be over.
func (b *bucketProbe) clean(ctx context.Context) {
	if !b.wrote {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Timeout)
	defer cancel()
	if err := b.remove(ctx, ""); err != nil {
		b.note("the object "+b.key+" is left", cause(err))
		return
	}
	for _, version := range b.left {
		if _, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.bucket, Key: &b.key, VersionId: &version}); err != nil {
			return // old versions of an object that is gone are for the lifecycle rules
		}
	}
}

// holds reports whether the scratch object is there with that text, and notes its ETag.
func (b *bucketProbe) holds(ctx context.Context, text string) bool {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: &b.key})
	if err != nil {
		return false
	}
	defer out.Body.Close() //nolint:errcheck // nothing is lost with a body that was read
	body, err := io.ReadAll(io.LimitReader(out.Body, 1<<10))
	if err != nil || !strings.Contains(string(body), text) {
		return false
	}
	b.etag = aws.ToString(out.ETag)
	return b.etag != ""
}

// exists reports whether the scratch object is there, and asks only where that is not known.
func (b *bucketProbe) exists(ctx context.Context) bool {
	there := !b.absent && b.holds(ctx, "")
	b.absent = !there
	return there
}

var errNoTag = errors.New("the store gives no ETag")
