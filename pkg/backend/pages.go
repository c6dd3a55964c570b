package backend

import (
	"context"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// callTime bounds one call of a reading with all of its repetitions: a page takes a second or
// two, and a store that hangs must not take the time of the whole reading.
const callTime = 30 * time.Second

// inTime makes a call within callTime.
func inTime[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return call(ctx)
}

// item is a row of a scan, with its LockID: empty where it has none.
type item struct {
	lockID     string
	attributes map[string]dynamotypes.AttributeValue
}

// scan streams the rows of the table, one page of at most 1 MB in memory at a time. It ends
// after the first error, which is an *Error.
func (t *Table) scan(ctx context.Context, input *dynamodb.ScanInput) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		input.TableName = &t.name
		pages := dynamodb.NewScanPaginator(t.client, input)
		for pages.HasMorePages() {
			page, err := inTime(ctx, func(ctx context.Context) (*dynamodb.ScanOutput, error) { return pages.NextPage(ctx) })
			if err != nil {
				yield(item{}, &Error{t.arn, err})
				return
			}
			for _, row := range page.Items {
				if !yield(item{stringOf(row[lockID]), row}, nil) {
					return
				}
			}
		}
	}
}

// stringOf is the text of an attribute; empty where it is none, or missing.
func stringOf(value dynamotypes.AttributeValue) string {
	if text, ok := value.(*dynamotypes.AttributeValueMemberS); ok {
		return text.Value
	}
	return ""
}

// list streams the pages of a listing. It ends after the first error, which is an *Error.
func (b *Bucket) list(ctx context.Context, input *s3.ListObjectsV2Input, options ...func(*s3.Options)) iter.Seq2[*s3.ListObjectsV2Output, error] {
	return func(yield func(*s3.ListObjectsV2Output, error) bool) {
		pages := s3.NewListObjectsV2Paginator(b.s3, input)
		for pages.HasMorePages() {
			page, err := inTime(ctx, func(ctx context.Context) (*s3.ListObjectsV2Output, error) { return pages.NextPage(ctx, options...) })
			if err == nil {
				err = isListing(page.Name)
			}
			if err != nil {
				yield(nil, &Error{b.arn, err})
				return
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}
