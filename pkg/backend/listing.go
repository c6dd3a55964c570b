package backend

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// readersPerPage bounds how many lock objects of a page are read at once.
const readersPerPage = 16

// Holdings streams the bucket's lock objects, one page of at most 1000 keys in
// memory at a time. An object that is released between the listing and the reading
// is none. It ends with an *Error when a page could not be listed, or when an object
// could not be read; one such object hides no other lock.
func (b *Bucket) Holdings(ctx context.Context) iter.Seq2[tflock.Holding, error] {
	holdings, _ := b.Survey(ctx)
	return holdings
}

// Survey gives Holdings, and when the states were written: what the same listing shows of
// them, known when the holdings have come to their end.
func (b *Bucket) Survey(ctx context.Context) (iter.Seq2[tflock.Holding, error], *Times) {
	times := &Times{bucket: b.name}
	return func(yield func(tflock.Holding, error) bool) {
		var unread error // the first object that could not be read: the others still are
		whole := true
		pages := s3.NewListObjectsV2Paginator(b.s3, listInput(b.name, "", 1000))
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx, locksOnly(times))
			if err == nil {
				err = genuine(page.Name)
			}
			if err != nil {
				yield(tflock.Holding{}, &Error{b.arn, err})
				return
			}
			whole = times.turn(page.KeyCount) && whole
			holdings, err := b.readAll(ctx, page.Contents)
			unread = cmp.Or(unread, err)
			for _, h := range holdings {
				if !yield(h, nil) {
					return
				}
			}
		}
		times.end(whole)
		if unread != nil {
			yield(tflock.Holding{}, unread)
		}
	}, times
}

// readAll reads the lock objects of a page side by side, and keeps their order. The
// error is the first that one of them gave.
func (b *Bucket) readAll(ctx context.Context, page []types.Object) ([]tflock.Holding, error) {
	type result struct {
		holding tflock.Holding
		found   bool
	}
	var results []*result
	var group errgroup.Group // without a context: an error must not end the others
	group.SetLimit(readersPerPage)
	for _, object := range page {
		key := listedKey(object)
		if !strings.HasSuffix(key, tflock.Suffix) || key == tflock.Suffix {
			continue
		}
		r := &result{}
		results = append(results, r)
		if aws.ToInt64(object.Size) > maxLock {
			r.holding, r.found = tflock.FromObject(b.arn, b.name, key, "", "", aws.ToTime(object.LastModified)), true
			r.holding.Err = errTooLarge
			continue
		}
		group.Go(func() (err error) {
			r.holding, r.found, err = b.read(ctx, key, aws.ToTime(object.LastModified))
			return err
		})
	}
	err := group.Wait()
	var holdings []tflock.Holding
	for _, r := range results {
		if r.found {
			holdings = append(holdings, r.holding)
		}
	}
	return holdings, err
}

// listInput asks for URL-encoded keys: a key with a control character, raw, makes an
// XML page that nobody can parse, and one such object would blind the scan.
func listInput(bucket, prefix string, limit int32) *s3.ListObjectsV2Input {
	return &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, MaxKeys: &limit, EncodingType: types.EncodingTypeUrl}
}

// genuine fails when an answer is no listing: every one names its bucket. The SDK takes
// any document for one without keys, such as a page that a proxy answers in S3's place.
func genuine(bucket *string) error {
	if aws.ToString(bucket) == "" {
		return errNotS3
	}
	return nil
}

var errNotS3 = errors.New("the answer does not come from S3: is there a proxy in between?")

func listedKey(object types.Object) string {
	key := aws.ToString(object.Key)
	if plain, err := url.QueryUnescape(key); err == nil {
		return plain
	}
	return key
}
