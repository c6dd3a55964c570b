package backend

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
)

// clients opens stores, with one client a region for all of them.
type clients struct {
	home     string // the functions' region
	dynamodb func(region string) *dynamodb.Client
	s3       func(region string) *s3.Client

	conditions *conditions
	unmatched  sync.Map // patterns of which was said that they match nothing
}

// unsharedRetries repeats a failed call as the SDK does, but without its quota, which all calls of a client share: whoever
// may write under one prefix can have objects there that S3 fails to give, and they would leave no second attempt to anybody else.
func unsharedRetries() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.RateLimiter = ratelimit.None })
}

// outlastTransactions repeats a call that meets a transaction as well. The SDK does not by itself, and what gives something back has to: whoever may
// write a row can have a transaction under way at any time, and it passes, within milliseconds.
func outlastTransactions(o *dynamodb.Options) {
	o.Retryer = soon{retry.AddWithErrorCodes(o.Retryer, transactionConflict)}
}

// soon repeats a call that met a transaction without the long delays that throttles need: one prefix may have many rows to give back.
type soon struct{ aws.Retryer }

// RetryDelay is how long to wait before the next attempt.
func (s soon) RetryDelay(attempt int, err error) (time.Duration, error) {
	if code(err) == transactionConflict {
		return rand.N(200 * time.Millisecond), nil //nolint:gosec // nobody gains by guessing it
	}
	return s.Retryer.RetryDelay(attempt, err)
}

func newClients(tables, buckets aws.Config) *clients {
	if buckets.Retryer == nil {
		buckets.Retryer = unsharedRetries
	}
	if tables.Retryer == nil {
		tables.Retryer = unsharedRetries
	}
	return &clients{
		home: buckets.Region, conditions: &conditions{},
		dynamodb: regional(func(region string) *dynamodb.Client {
			return dynamodb.NewFromConfig(tables, func(o *dynamodb.Options) {
				o.Region = region
				o.APIOptions = append(o.APIOptions, flat)
			})
		}),
		s3: regional(func(region string) *s3.Client {
			return s3.NewFromConfig(buckets, func(o *s3.Options) {
				o.Region = region
				// Stores outside of AWS have no host name for each bucket.
				o.UsePathStyle = o.BaseEndpoint != nil
				// State objects in parts carry checksums that the SDK cannot check and warns of.
				o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
				o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
				o.APIOptions = append(o.APIOptions, legible)
			})
		}),
	}
}

func (c *clients) table(a arn.ARN, text string) *Table {
	t := &Table{client: c.dynamodb(a.Region), arn: text, name: text, conditions: c.conditions}
	if outsideAWS(t.client.Options().BaseEndpoint) { // such a store knows a table by its name only
		t.name = strings.TrimPrefix(a.Resource, tableKind.prefix)
	}
	return t
}

// bucket opens a bucket, in its region where that is known.
func (c *clients) bucket(name, text, region string) *Bucket {
	at := &regionalS3{clients: c.s3, bucket: name, region: c.home}
	if region != "" {
		at.region = region
	}
	return &Bucket{s3: at, name: name, arn: text, conditions: c.conditions}
}

// failedTable stands for what a pattern, or an ARN, names: every call fails with err.
func (c *clients) failedTable(a arn.ARN, text string, err error) *Table {
	return &Table{client: dynamodb.New(c.dynamodb(a.Region).Options(), func(o *dynamodb.Options) { o.APIOptions = append(o.APIOptions, fail(err)) }), arn: text, name: text}
}

// failedBucket stands for what a pattern names: every call fails with err.
func (c *clients) failedBucket(p pattern, err error) *Bucket {
	client := s3.New(c.s3(c.home).Options(), func(o *s3.Options) { o.APIOptions = append(o.APIOptions, fail(err)) })
	return &Bucket{s3: &regionalS3{clients: func(string) *s3.Client { return client }, bucket: p.name, region: c.home, asked: true}, name: p.name, arn: p.text}
}

// fail makes every call of a client fail before anything is sent.
func fail(err error) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Failed", func(context.Context, middleware.InitializeInput, middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return middleware.InitializeOutput{}, middleware.Metadata{}, err
		}), middleware.Before)
	}
}

// regional returns one client a region, made when it is first asked for: a client
// holds connections, and most accounts keep everything in one region.
func regional[C any](open func(region string) C) func(region string) C {
	var mu sync.Mutex
	made := map[string]C{}
	return func(region string) C {
		mu.Lock()
		defer mu.Unlock()
		client, ok := made[region]
		if !ok {
			client = open(region)
			made[region] = client
		}
		return client
	}
}
