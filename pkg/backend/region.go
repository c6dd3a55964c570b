package backend

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// regionalS3 calls S3 in the region of a bucket, which an S3 ARN does not say. It
// begins at home, where nearly every bucket is, and asks only when S3 answers that the
// bucket is elsewhere.
type regionalS3 struct {
	clients func(region string) *s3.Client
	bucket  string

	mu     sync.Mutex
	region string // as far as is known
	asked  bool
}

// follow makes a call, and makes it again of the bucket once it is known. A call that
// came to the wrong region had no effect there.
func follow[I, O any](ctx context.Context, r *regionalS3, in *I, options []func(*s3.Options),
	call func(*s3.Client, context.Context, *I, ...func(*s3.Options)) (*O, error),
) (*O, error) {
	region, asked := r.here()
	out, err := call(r.clients(region), ctx, in, options...)
	// S3 sends calls on by 307 for a day after a bucket was made. The HTTP client follows
	// without credentials, so that a first denial may mean that too.
	denied := status(err) == http.StatusForbidden && !asked
	if !denied && !inOtherRegion(err) {
		return out, err
	}
	switch right, lost := r.ask(ctx, region); {
	case lost == nil && right != region:
		return call(r.clients(right), ctx, in, options...)
	case lost != nil && !denied:
		return nil, lost
	}
	return out, err
}

func (r *regionalS3) here() (region string, asked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.region, r.asked
}

// inOtherRegion reports whether S3 means that the bucket is in another region: 301, or 400 when
// the signature is for a region that it does not serve.
func inOtherRegion(err error) bool {
	switch code(err) {
	case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return true
	}
	return status(err) == http.StatusMovedPermanently
}

// ask finds the bucket's region, unless another call has found it meanwhile. HeadBucket
// tells it, even in the error that a request to the wrong region gets.
func (r *regionalS3) ask(ctx context.Context, wrong string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.region != wrong {
		return r.region, nil
	}
	r.asked = true
	out, err := r.clients(wrong).HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &r.bucket})
	region := ""
	switch response, answered := errors.AsType[*awshttp.ResponseError](err); {
	case err == nil:
		region = aws.ToString(out.BucketRegion)
	case answered:
		region = response.Response.Header.Get("X-Amz-Bucket-Region")
	}
	switch {
	case region == "" && err == nil:
		return "", errNotS3
	case region == "" && status(err) == http.StatusNotFound: // HEAD has no body to say so
		return "", &types.NoSuchBucket{}
	case region == "":
		return "", err
	}
	r.region = region
	return region, nil
}

// The calls that buckets need, as the SDK's client has them.

func (r *regionalS3) GetBucketVersioning(ctx context.Context, in *s3.GetBucketVersioningInput, options ...func(*s3.Options)) (*s3.GetBucketVersioningOutput, error) {
	return follow(ctx, r, in, options, (*s3.Client).GetBucketVersioning)
}

func (r *regionalS3) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, options ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	return follow(ctx, r, in, options, (*s3.Client).ListObjectsV2)
}

func (r *regionalS3) ListObjectVersions(ctx context.Context, in *s3.ListObjectVersionsInput, options ...func(*s3.Options)) (*s3.ListObjectVersionsOutput, error) {
	return follow(ctx, r, in, options, (*s3.Client).ListObjectVersions)
}

func (r *regionalS3) HeadObject(ctx context.Context, in *s3.HeadObjectInput, options ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return follow(ctx, r, in, options, (*s3.Client).HeadObject)
}

func (r *regionalS3) GetObject(ctx context.Context, in *s3.GetObjectInput, options ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return follow(ctx, r, in, options, (*s3.Client).GetObject)
}

func (r *regionalS3) GetObjectTagging(ctx context.Context, in *s3.GetObjectTaggingInput, options ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error) {
	return follow(ctx, r, in, options, (*s3.Client).GetObjectTagging)
}

func (r *regionalS3) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput, options ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	return follow(ctx, r, in, options, (*s3.Client).DeleteObject)
}

// PutObject starts the body again when it is sent again.
func (r *regionalS3) PutObject(ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return follow(ctx, r, in, options, func(c *s3.Client, ctx context.Context, in *s3.PutObjectInput, options ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
		if body, ok := in.Body.(io.Seeker); ok {
			if _, err := body.Seek(0, io.SeekStart); err != nil {
				return nil, err
			}
		}
		return c.PutObject(ctx, in, options...)
	})
}
