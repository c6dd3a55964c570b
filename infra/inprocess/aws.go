// Package inprocess is an AWS in this process, for models that are played a million times:
// what the calls of Lockwarden and of its clients do to tables, one versioned bucket and a
// topic, by the SDK's own types, without a request. It keeps what package backend promises of
// every engine. A call that it does not know is an error.
package inprocess

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go/middleware"

	"github.com/lockwarden/lockwarden/infra/local"
)

// AWS is one, with a bucket that answers to any name.
type AWS struct {
	now       func() time.Time
	spread    time.Duration
	tables    map[string]*rows
	objects   map[string][]object // by key, the oldest version first
	published []string
	versions  int

	mu    sync.Mutex // of calls, which come one at a time in a model
	saved *AWS
}

// New makes an empty one. Its S3 writes each version after a Load a second later than the one
// before, so that their times differ: the first ones in the past, at most that much, and none
// in the future.
func New(now func() time.Time, spread time.Duration) *AWS {
	return &AWS{now: now, spread: spread, tables: map[string]*rows{}, objects: map[string][]object{}}
}

// copied is a copy that later changes do not touch.
func (a *AWS) copied() *AWS {
	c := &AWS{now: a.now, spread: a.spread, tables: make(map[string]*rows, len(a.tables)), objects: make(map[string][]object, len(a.objects)), published: slices.Clone(a.published), versions: a.versions}
	for name, t := range a.tables {
		c.tables[name] = &rows{t.keys, maps.Clone(t.all)}
	}
	for key, versions := range a.objects {
		c.objects[key] = slices.Clone(versions)
	}
	return c
}

// Save keeps all that is there in mind.
func (a *AWS) Save() { a.saved = a.copied() }

// Load undoes everything since Save, as often as it is wanted.
func (a *AWS) Load() {
	c := a.saved.copied()
	a.tables, a.objects, a.published, a.versions = c.tables, c.objects, c.published, c.versions
}

// Config is for the SDK's clients. Their calls are answered at once.
func (a *AWS) Config() aws.Config {
	return ConfigOf(func(_ context.Context, operation string, input any) (any, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.call(operation, input)
	})
}

// Calls answers calls in place of their being sent.
type Calls func(ctx context.Context, operation string, input any) (any, error)

// Answer is what an SDK asks at once that is built for it: see infra/chaos/direct.
func (c Calls) Answer(ctx context.Context, operation string, input any) (any, error) {
	return c(ctx, operation, input)
}

// Answers reports whether a client with that many options may ask at once: it has only ours.
func (Calls) Answers(options int) bool { return options == 1 }

// Do sends nothing.
func (Calls) Do(*http.Request) (*http.Response, error) {
	return nil, errors.New("this AWS takes no requests")
}

// ConfigOf is for clients whose calls are answered in place of being sent.
func ConfigOf(call Calls) aws.Config {
	answer := middleware.InitializeMiddlewareFunc("Answer", func(ctx context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, _ middleware.Metadata, err error) {
		out.Result, err = call(ctx, middleware.GetOperationName(ctx), in.Parameters)
		return out, middleware.Metadata{}, err
	})
	return configOf(call, func(stack *middleware.Stack) error { return stack.Initialize.Add(answer, middleware.After) })
}

// inputKey is where a context has the input of its call.
type inputKey struct{}

// RepeatedConfigOf is ConfigOf for clients that repeat failed calls, and wait before they do, as the SDK has them.
func RepeatedConfigOf(call Calls) aws.Config {
	remember := middleware.InitializeMiddlewareFunc("Remember", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		return next.HandleInitialize(middleware.WithStackValue(ctx, inputKey{}, in.Parameters), in)
	})
	answer := middleware.FinalizeMiddlewareFunc("Answer", func(ctx context.Context, _ middleware.FinalizeInput, _ middleware.FinalizeHandler) (out middleware.FinalizeOutput, _ middleware.Metadata, err error) {
		out.Result, err = call(ctx, middleware.GetOperationName(ctx), middleware.GetStackValue(ctx, inputKey{}))
		return out, middleware.Metadata{}, err
	})
	return configOf(call, func(stack *middleware.Stack) error {
		return errors.Join(stack.Initialize.Add(remember, middleware.After), stack.Finalize.Insert(answer, "Retry", middleware.After))
	})
}

func configOf(call Calls, answer func(*middleware.Stack) error) aws.Config {
	return aws.Config{
		Region: local.Region, Credentials: credentials.StaticCredentialsProvider{Value: aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}},
		BaseEndpoint: aws.String("http://127.0.0.1:1"), HTTPClient: call, APIOptions: []func(*middleware.Stack) error{answer},
	}
}

// Contents are all versions, and all rows of the tables that are not left out.
func (a *AWS) Contents(without ...string) local.Contents {
	c := local.Contents{Rows: make(map[string][]map[string]string, len(a.tables))}
	for name, t := range a.tables {
		if slices.Contains(without, name) {
			continue
		}
		for _, id := range slices.Sorted(maps.Keys(t.all)) {
			flat := make(map[string]string, len(t.all[id]))
			for attribute, v := range t.all[id] {
				flat[attribute] = flatten(v)
			}
			c.Rows[name] = append(c.Rows[name], flat)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(a.objects)) {
		for _, v := range slices.Backward(a.objects[key]) {
			c.Versions = append(c.Versions, local.Version{Key: key, ID: v.id, Marker: v.marker, Body: v.body})
		}
	}
	return c
}

// call answers one.
func (a *AWS) call(operation string, input any) (any, error) {
	switch in := input.(type) {
	case *sns.PublishInput:
		a.published = append(a.published, aws.ToString(in.Message))
		return &sns.PublishOutput{MessageId: aws.String("1")}, nil
	case *cloudwatch.PutMetricDataInput:
		return &cloudwatch.PutMetricDataOutput{}, nil
	case *dynamodb.GetItemInput:
		return a.getItem(in)
	case *dynamodb.PutItemInput:
		return a.putItem(in)
	case *dynamodb.DeleteItemInput:
		return a.deleteItem(in)
	case *dynamodb.UpdateItemInput:
		return a.updateItem(in)
	case *dynamodb.QueryInput:
		return a.query(in)
	case *dynamodb.ScanInput:
		return a.scan(in)
	case *dynamodb.BatchGetItemInput:
		return a.batchGet(in)
	case *dynamodb.BatchWriteItemInput:
		return a.batchWrite(in)
	case *dynamodb.CreateTableInput:
		return a.createTable(in), nil
	case *dynamodb.DescribeTableInput:
		return describeTable(in), nil
	}
	return a.callS3(operation, input)
}

// Published are the messages of all topics.
func (a *AWS) Published() []local.Message {
	var all []local.Message
	for _, text := range a.published {
		var m local.Message
		if json.Unmarshal([]byte(text), &m.Texts) == nil {
			all = append(all, m)
		}
	}
	return all
}

// written is S3's time of the next version, in whole seconds as S3 gives it.
func (a *AWS) written() time.Time {
	since := 0
	if a.saved != nil {
		since = a.versions - a.saved.versions
	}
	return a.now().Add(min(0, time.Duration(since)*time.Second-a.spread)).UTC().Truncate(time.Second)
}

// Age makes every version there older.
func (a *AWS) Age(by time.Duration) {
	for key := range a.objects {
		for i := range a.objects[key] {
			a.objects[key][i].modified = a.objects[key][i].modified.Add(-by)
		}
	}
}
