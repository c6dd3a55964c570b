package main

import (
	"cmp"
	"context"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	smithy "github.com/aws/smithy-go/middleware"

	"github.com/lockwarden/lockwarden/infra/inprocess"
)

// gate lets one call pass at a time, in the order that the scheduler wants. All that call
// through it are in a synctest bubble, so that the scheduler knows when everybody waits.
type gate struct {
	mu      sync.Mutex
	waiting []*waiting
}

// waiting is one call that has not been made.
type waiting struct {
	process *process
	name    string // operation and place, the same in every replay
	input   any    // of a call of AWS
	make    func() (any, error)
	answer  chan reply
}

// writes reports whether the call changes a lock, a state or a digest, or may.
func (w *waiting) writes() bool {
	return strings.HasPrefix(w.name, "Put") || strings.HasPrefix(w.name, "Delete")
}

// changesStores reports whether the call may change a lock, a state or a digest: it writes, and
// not to the ledger or to CloudWatch.
func (w *waiting) changesStores(in *world) bool {
	switch call := w.input.(type) {
	case *dynamodb.PutItemInput:
		return aws.ToString(call.TableName) != in.Ledger
	case *dynamodb.DeleteItemInput:
		return aws.ToString(call.TableName) != in.Ledger
	case *cloudwatch.PutMetricDataInput:
		return false
	}
	return w.writes()
}

// publishes is what the call publishes, or empty.
func (w *waiting) publishes() string {
	if in, is := w.input.(*sns.PublishInput); is {
		return aws.ToString(in.Message)
	}
	return ""
}

type reply struct {
	result any
	err    error
}

// fate is how a call ends, and of the process that makes it.
type fate int

const (
	passes fate = iota
	diesBefore
	diesAfter
)

// config is a process's way to an AWS that is configured so. It has no retries: a fault here
// ends it.
func (g *gate) config(to aws.Config, p *process) aws.Config {
	if inside, is := to.HTTPClient.(inprocess.Calls); is {
		gated := inprocess.ConfigOf(func(ctx context.Context, operation string, input any) (any, error) {
			return g.pass(&waiting{process: p, name: operation + " " + subjectOf(input), input: input, make: func() (any, error) { return inside(ctx, operation, input) }})
		})
		gated.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
		return gated
	}
	hold := smithy.InitializeMiddlewareFunc("Gate", func(ctx context.Context, in smithy.InitializeInput, next smithy.InitializeHandler) (out smithy.InitializeOutput, metadata smithy.Metadata, err error) {
		out.Result, err = g.pass(&waiting{
			process: p, name: middleware.GetOperationName(ctx) + " " + subjectOf(in.Parameters), input: in.Parameters,
			make: func() (any, error) {
				var made smithy.InitializeOutput
				made, metadata, err = next.HandleInitialize(ctx, in)
				return made.Result, err
			},
		})
		return out, metadata, err
	})
	to.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	to.APIOptions = append([]func(*smithy.Stack) error{func(stack *smithy.Stack) error { return stack.Initialize.Add(hold, smithy.After) }}, to.APIOptions...)
	return to
}

// subjectOf is what a call is about: an object's path, a row's name, or a function's.
func subjectOf(input any) string {
	rowName := func(key map[string]ddb.AttributeValue) string {
		name, _ := key["LockID"].(*ddb.AttributeValueMemberS)
		if name == nil {
			return ""
		}
		return name.Value
	}
	object := func(bucket, key *string) string { return aws.ToString(bucket) + "/" + aws.ToString(key) }
	switch in := input.(type) {
	case *dynamodb.GetItemInput:
		return rowName(in.Key)
	case *dynamodb.PutItemInput:
		return rowName(in.Item)
	case *dynamodb.DeleteItemInput:
		return rowName(in.Key)
	case *dynamodb.UpdateItemInput:
		return rowName(in.Key)
	case *s3.GetObjectInput:
		return object(in.Bucket, in.Key)
	case *s3.PutObjectInput:
		return object(in.Bucket, in.Key)
	case *s3.DeleteObjectInput:
		return object(in.Bucket, in.Key)
	case *s3.HeadObjectInput:
		return object(in.Bucket, in.Key)
	case *s3.GetObjectTaggingInput:
		return object(in.Bucket, in.Key)
	case *s3.PutObjectTaggingInput:
		return object(in.Bucket, in.Key)
	case *s3.ListObjectsV2Input:
		return object(in.Bucket, in.Prefix)
	case *lambda.InvokeInput:
		return aws.ToString(in.FunctionName)
	}
	return ""
}

// pass waits until the scheduler lets the call pass, and returns what came of it.
func (g *gate) pass(w *waiting) (any, error) {
	w.answer = make(chan reply, 1)
	g.mu.Lock()
	g.waiting = append(g.waiting, w)
	g.mu.Unlock()
	got := <-w.answer
	return got.result, got.err
}

// pending are the calls that wait, in an order that does not depend on goroutines.
func (g *gate) pending() []*waiting {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := slices.Clone(g.waiting)
	slices.SortStableFunc(list, func(a, b *waiting) int {
		return cmp.Or(cmp.Compare(a.process.number, b.process.number), strings.Compare(a.name, b.name))
	})
	return list
}

// drop has a call wait no longer.
func (g *gate) drop(w *waiting) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(other *waiting) bool { return other == w })
}

// send makes one call. Its caller goes on with what is given, once it has that.
func (g *gate) send(w *waiting, f fate) (got reply) {
	g.drop(w)
	if f != diesBefore && !w.process.dead {
		got.result, got.err = w.make()
	}
	w.process.dead = w.process.dead || f != passes
	if w.process.dead {
		got = reply{nil, errDead}
	}
	return got
}

// growStack makes the stack of a goroutine as large as the SDK's calls need, at once and while
// it is empty: growing it step by step copies it again and again.
//
//go:noinline
func growStack() {
	var room [16 << 10]byte
	runtime.KeepAlive(&room[0])
}

// courier carries calls from a bubble to AWS: connections of the bubble could not
// outlive it.
type courier struct {
	mu   sync.Mutex
	out  chan *http.Request
	back chan carried
}

type carried struct {
	response *http.Response
	err      error
}

func newCourier() *courier {
	c := &courier{out: make(chan *http.Request), back: make(chan carried)}
	inner := server.Config().HTTPClient
	go func() {
		for r := range c.out {
			response, err := (&wire{next: inner}).send(r) //nolint:bodyclose // it is in memory
			c.back <- carried{response, err}
		}
	}()
	return c
}

// Do carries one call.
func (c *courier) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out <- r.WithContext(context.Background()) // its own belongs to the bubble
	got := <-c.back
	return got.response, got.err
}
