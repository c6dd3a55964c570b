package inprocess

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// pageTime is how long DynamoDB takes for a page of a megabyte.
const pageTime = 50 * time.Millisecond

// Crowded returns a way to an AWS whose tables have that many megabytes of rows under one prefix, that
// nobody asks for: each Scan reads them page by page before it comes to the rest.
func Crowded(to aws.Config, megabytes func() int) aws.Config {
	inside := to.HTTPClient.(Calls) //nolint:errcheck,forcetypeassert // it is what Config gives
	return ConfigOf(func(ctx context.Context, operation string, input any) (any, error) {
		in, scans := input.(*dynamodb.ScanInput)
		if !scans {
			return inside(ctx, operation, input)
		}
		page := pageOf(in)
		if page >= megabytes() {
			all := *in
			all.ExclusiveStartKey = nil
			return inside(ctx, operation, &all)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pageTime):
		}
		return &dynamodb.ScanOutput{LastEvaluatedKey: item{"LockID": &ddb.AttributeValueMemberS{Value: fmt.Sprint(junk, page+1)}}}, nil
	})
}

// junk begins the names of those rows.
const junk = "a-team/"

// pageOf is the number of the page of those rows that is asked for.
func pageOf(in *dynamodb.ScanInput) (page int) {
	last, _ := in.ExclusiveStartKey["LockID"].(*ddb.AttributeValueMemberS)
	if last != nil {
		_, _ = fmt.Sscan(strings.TrimPrefix(last.Value, junk), &page)
	}
	return page
}
