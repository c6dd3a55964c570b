package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/lockwarden/lockwarden/infra/local"
)

// engine is an AWS in this process, for models that play a million times: what the calls of
// Lockwarden and of its clients do to tables, one versioned bucket and a topic, by the
// SDK's own types, without a request. TestEngine holds it against what package backend
// promises of every engine, and TestAnyInterleaving plays the same on moto.
type engine struct {
	now       func() time.Time
	tables    map[string]*rows
	objects   map[string][]object // by key, the oldest version first
	published []string
	versions  int

	mu    sync.Mutex // of calls, which come one at a time in a model
	saved *engine
}

type item map[string]ddb.AttributeValue

// rows are a table's. They are never changed, but replaced.
type rows struct {
	keys []string // hash, and range where there is one
	all  map[string]item
}

func newRows(keys ...string) *rows { return &rows{keys, map[string]item{}} }

type object struct {
	id       string
	marker   bool
	body     string
	etag     string
	modified time.Time
	tags     map[string]string
}

func newEngine(now func() time.Time) *engine {
	return &engine{now: now, tables: map[string]*rows{}, objects: map[string][]object{}}
}

// copied is a copy that later changes do not touch.
func (e *engine) copied() *engine {
	c := &engine{now: e.now, tables: make(map[string]*rows, len(e.tables)), objects: make(map[string][]object, len(e.objects)), published: slices.Clone(e.published), versions: e.versions}
	for name, t := range e.tables {
		c.tables[name] = &rows{t.keys, maps.Clone(t.all)}
	}
	for key, versions := range e.objects {
		c.objects[key] = slices.Clone(versions)
	}
	return c
}

func (e *engine) save() { e.saved = e.copied() }

func (e *engine) load() {
	c := e.saved.copied()
	e.tables, e.objects, e.published, e.versions = c.tables, c.objects, c.published, c.versions
}

// config is for clients that do not wait.
func (e *engine) config() aws.Config {
	return configOf(func(_ context.Context, operation string, input any) (any, error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.call(operation, input)
	})
}

// configOf is for clients whose calls are answered in place of being sent.
func configOf(call func(ctx context.Context, operation string, input any) (any, error)) aws.Config {
	answer := middleware.InitializeMiddlewareFunc("Answer", func(ctx context.Context, in middleware.InitializeInput, _ middleware.InitializeHandler) (out middleware.InitializeOutput, _ middleware.Metadata, err error) {
		out.Result, err = call(ctx, middleware.GetOperationName(ctx), in.Parameters)
		return out, middleware.Metadata{}, err
	})
	return aws.Config{
		Region: local.Region, Credentials: credentials.StaticCredentialsProvider{Value: aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}},
		BaseEndpoint: aws.String("http://127.0.0.1:1"),
		APIOptions:   []func(*middleware.Stack) error{func(stack *middleware.Stack) error { return stack.Initialize.Add(answer, middleware.After) }},
	}
}

// dump gives what there is.
func (e *engine) dump() local.Contents {
	c := local.Contents{Rows: make(map[string][]map[string]string, len(e.tables))}
	for name, t := range e.tables {
		for _, id := range slices.Sorted(maps.Keys(t.all)) {
			flat := make(map[string]string, len(t.all[id]))
			for attribute, v := range t.all[id] {
				flat[attribute] = flatten(v)
			}
			c.Rows[name] = append(c.Rows[name], flat)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(e.objects)) {
		for _, v := range slices.Backward(e.objects[key]) {
			c.Versions = append(c.Versions, local.Version{Key: key, ID: v.id, Marker: v.marker, Body: v.body})
		}
	}
	return c
}

func flatten(v ddb.AttributeValue) string {
	switch v := v.(type) {
	case *ddb.AttributeValueMemberS:
		return v.Value
	case *ddb.AttributeValueMemberN:
		return v.Value
	}
	return ""
}

// call answers one.
func (e *engine) call(operation string, input any) (any, error) {
	switch in := input.(type) {
	case *sns.PublishInput:
		e.published = append(e.published, aws.ToString(in.Message))
		return &sns.PublishOutput{MessageId: aws.String("1")}, nil
	case *cloudwatch.PutMetricDataInput:
		return &cloudwatch.PutMetricDataOutput{}, nil
	case *dynamodb.GetItemInput:
		t, err := e.table(in.TableName)
		if err != nil {
			return nil, err
		}
		return &dynamodb.GetItemOutput{Item: maps.Clone(t.all[t.id(in.Key)])}, nil
	case *dynamodb.PutItemInput:
		return e.putItem(in)
	case *dynamodb.DeleteItemInput:
		return e.deleteItem(in)
	case *dynamodb.UpdateItemInput:
		return e.updateItem(in)
	case *dynamodb.QueryInput:
		return e.query(in)
	case *dynamodb.ScanInput:
		return e.scan(in)
	case *dynamodb.BatchGetItemInput:
		return e.batchGet(in)
	case *dynamodb.BatchWriteItemInput:
		return e.batchWrite(in)
	case *dynamodb.CreateTableInput:
		t := newRows()
		for _, key := range in.KeySchema {
			t.keys = append(t.keys, *key.AttributeName)
		}
		e.tables[*in.TableName] = t
		return &dynamodb.CreateTableOutput{}, nil
	case *dynamodb.DescribeTableInput:
		return &dynamodb.DescribeTableOutput{Table: &ddb.TableDescription{TableStatus: ddb.TableStatusActive, TableArn: aws.String("arn:aws:dynamodb:" + local.Region + ":123456789012:table/" + *in.TableName)}}, nil
	}
	return e.callS3(operation, input)
}

// table finds one by its name or ARN.
func (e *engine) table(name *string) (*rows, error) {
	short := aws.ToString(name)
	if i := strings.LastIndex(short, "/"); i >= 0 {
		short = short[i+1:]
	}
	if t, found := e.tables[short]; found {
		return t, nil
	}
	return nil, refused(http.StatusBadRequest, &ddb.ResourceNotFoundException{Message: aws.String("Requested resource not found: " + short)})
}

// refused is an error as the SDK makes it of an answer.
func refused(status int, err error) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err}}
}

func (t *rows) id(of item) string {
	parts := make([]string, len(t.keys))
	for i, key := range t.keys {
		parts[i] = flatten(of[key])
	}
	return strings.Join(parts, "\x00")
}

// meets says whether the condition holds for the item that is there, which may be nil.
func meets(condition *string, names map[string]string, values item, there item) error {
	if condition == nil {
		return nil
	}
	holds, err := evaluate(*condition, names, values, there)
	if err == nil && !holds {
		err = errCondition
	}
	return err
}

var errCondition = errors.New("the conditional request failed")

// conditionFailed is DynamoDB's answer, with the item that is there where that is wanted.
func conditionFailed(err error, wanted ddb.ReturnValuesOnConditionCheckFailure, there item) error {
	if !errors.Is(err, errCondition) {
		return err
	}
	failed := &ddb.ConditionalCheckFailedException{Message: aws.String("The conditional request failed")}
	if wanted == ddb.ReturnValuesOnConditionCheckFailureAllOld {
		failed.Item = maps.Clone(there)
	}
	return refused(http.StatusBadRequest, failed)
}

func (e *engine) putItem(in *dynamodb.PutItemInput) (any, error) {
	t, err := e.table(in.TableName)
	if err != nil {
		return nil, err
	}
	id := t.id(in.Item)
	if err := meets(in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, t.all[id]); err != nil {
		return nil, conditionFailed(err, in.ReturnValuesOnConditionCheckFailure, t.all[id])
	}
	t.all[id] = maps.Clone(item(in.Item))
	return &dynamodb.PutItemOutput{}, nil
}

func (e *engine) deleteItem(in *dynamodb.DeleteItemInput) (any, error) {
	t, err := e.table(in.TableName)
	if err != nil {
		return nil, err
	}
	id := t.id(in.Key)
	if err := meets(in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, t.all[id]); err != nil {
		return nil, conditionFailed(err, in.ReturnValuesOnConditionCheckFailure, t.all[id])
	}
	delete(t.all, id)
	return &dynamodb.DeleteItemOutput{}, nil
}

func (e *engine) updateItem(in *dynamodb.UpdateItemInput) (any, error) {
	t, err := e.table(in.TableName)
	if err != nil {
		return nil, err
	}
	id := t.id(in.Key)
	if err := meets(in.ConditionExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, t.all[id]); err != nil {
		return nil, conditionFailed(err, in.ReturnValuesOnConditionCheckFailure, t.all[id])
	}
	next := maps.Clone(t.all[id])
	if next == nil {
		next = maps.Clone(item(in.Key))
	}
	list, is := strings.CutPrefix(aws.ToString(in.UpdateExpression), "SET ")
	if !is {
		return nil, fmt.Errorf("the engine does not know the update %q", aws.ToString(in.UpdateExpression))
	}
	for part := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(part, "=")
		v, known := in.ExpressionAttributeValues[strings.TrimSpace(value)]
		if !known {
			return nil, fmt.Errorf("the engine does not know the update %q", part)
		}
		next[attributeName(strings.TrimSpace(name), in.ExpressionAttributeNames)] = v
	}
	t.all[id] = next
	out := &dynamodb.UpdateItemOutput{}
	if in.ReturnValues == ddb.ReturnValueAllNew {
		out.Attributes = maps.Clone(next)
	}
	return out, nil
}

func (e *engine) query(in *dynamodb.QueryInput) (any, error) {
	all, err := e.selected(in.TableName, in.KeyConditionExpression, in.FilterExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	if in.ScanIndexForward != nil && !*in.ScanIndexForward {
		slices.Reverse(all)
	}
	return &dynamodb.QueryOutput{Items: all, Count: int32(len(all))}, err //nolint:gosec // they are few
}

func (e *engine) scan(in *dynamodb.ScanInput) (any, error) {
	all, err := e.selected(in.TableName, nil, in.FilterExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	if in.ProjectionExpression != nil {
		for i, r := range all {
			part := item{}
			for name := range strings.SplitSeq(*in.ProjectionExpression, ",") {
				name = attributeName(strings.TrimSpace(name), in.ExpressionAttributeNames)
				if v, there := r[name]; there {
					part[name] = v
				}
			}
			all[i] = part
		}
	}
	return &dynamodb.ScanOutput{Items: all, Count: int32(len(all))}, err //nolint:gosec // they are few
}

// selected gives the rows that meet both conditions, in the order of their keys.
func (e *engine) selected(name, keys, filter *string, names map[string]string, values item) ([]map[string]ddb.AttributeValue, error) {
	t, err := e.table(name)
	if err != nil {
		return nil, err
	}
	var all []map[string]ddb.AttributeValue
	for _, id := range slices.Sorted(maps.Keys(t.all)) {
		r := t.all[id]
		err := errors.Join(meets(keys, names, values, r), meets(filter, names, values, r))
		switch {
		case err == nil:
			all = append(all, maps.Clone(r))
		case !errors.Is(err, errCondition):
			return nil, err
		}
	}
	return all, nil
}

func (e *engine) batchGet(in *dynamodb.BatchGetItemInput) (any, error) {
	out := &dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]ddb.AttributeValue{}}
	for name, wanted := range in.RequestItems {
		t, err := e.table(&name)
		if err != nil {
			return nil, err
		}
		for _, key := range wanted.Keys {
			if r := t.all[t.id(key)]; r != nil {
				out.Responses[name] = append(out.Responses[name], maps.Clone(r))
			}
		}
	}
	return out, nil
}

func (e *engine) batchWrite(in *dynamodb.BatchWriteItemInput) (any, error) {
	for name, requests := range in.RequestItems {
		t, err := e.table(&name)
		if err != nil {
			return nil, err
		}
		for _, r := range requests {
			if r.PutRequest != nil {
				t.all[t.id(r.PutRequest.Item)] = maps.Clone(item(r.PutRequest.Item))
			} else {
				delete(t.all, t.id(r.DeleteRequest.Key))
			}
		}
	}
	return &dynamodb.BatchWriteItemOutput{}, nil
}

func attributeName(name string, names map[string]string) string {
	if strings.HasPrefix(name, "#") {
		return names[name]
	}
	return name
}

// evaluate says whether an expression holds for a item. It knows what Lockwarden uses:
// AND, OR and parentheses, comparisons, BETWEEN, and the functions attribute_exists,
// attribute_not_exists, begins_with and contains.
func evaluate(expression string, names map[string]string, values, of item) (holds bool, err error) {
	p := &parser{tokens: tokensOf(expression), names: names, values: values, of: of}
	holds = p.or()
	if p.err == nil && len(p.tokens) > 0 {
		p.err = fmt.Errorf("the engine does not know %q in %q", p.tokens[0], expression)
	}
	return holds, p.err
}

var tokens sync.Map // by expression

func tokensOf(expression string) []string {
	if list, known := tokens.Load(expression); known {
		return list.([]string) //nolint:errcheck,forcetypeassert // nothing else is stored
	}
	list := strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ", ",", " , ").Replace(expression))
	tokens.Store(expression, list)
	return list
}

type parser struct {
	tokens []string
	names  map[string]string
	values item
	of     item
	err    error
}

func (p *parser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *parser) eat(token string) bool {
	if len(p.tokens) > 0 && p.tokens[0] == token {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *parser) or() bool {
	holds := p.and()
	for p.eat("OR") {
		holds = p.and() || holds
	}
	return holds
}

func (p *parser) and() bool {
	holds := p.term()
	for p.eat("AND") {
		holds = p.term() && holds
	}
	return holds
}

func (p *parser) term() bool {
	if p.eat("(") {
		holds := p.or()
		p.expect(")")
		return holds
	}
	first := p.next()
	if strings.Contains(first, "_") && p.eat("(") || first == "contains" && p.eat("(") {
		return p.function(first)
	}
	a := p.operand(first)
	operator := p.next()
	b := p.operand(p.next())
	if operator == "BETWEEN" {
		p.expect("AND")
		c := p.operand(p.next())
		return a != nil && compared(b, a) <= 0 && compared(a, c) <= 0
	}
	return p.compare(a, operator, b)
}

func (p *parser) expect(token string) {
	if !p.eat(token) && p.err == nil {
		p.err = fmt.Errorf("the engine misses %q before %q", token, p.tokens)
	}
}

func (p *parser) function(name string) bool {
	a := p.operand(p.next())
	var b ddb.AttributeValue
	if p.eat(",") {
		b = p.operand(p.next())
	}
	p.expect(")")
	switch name {
	case "attribute_exists":
		return a != nil
	case "attribute_not_exists":
		return a == nil
	case "begins_with":
		return a != nil && strings.HasPrefix(flatten(a), flatten(b))
	case "contains":
		return a != nil && strings.Contains(flatten(a), flatten(b))
	}
	p.err = fmt.Errorf("the engine does not know the function %q", name)
	return false
}

// operand is a value, or what the item has of that name: nil if it has nothing.
func (p *parser) operand(token string) ddb.AttributeValue {
	if strings.HasPrefix(token, ":") {
		v, known := p.values[token]
		if !known && p.err == nil {
			p.err = fmt.Errorf("there is no value %q", token)
		}
		return v
	}
	return p.of[attributeName(token, p.names)]
}

func (p *parser) compare(a ddb.AttributeValue, operator string, b ddb.AttributeValue) bool {
	if a == nil || b == nil || reflect.TypeOf(a) != reflect.TypeOf(b) {
		return operator == "<>"
	}
	switch operator {
	case "=":
		return reflect.DeepEqual(a, b)
	case "<>":
		return !reflect.DeepEqual(a, b)
	case "<":
		return compared(a, b) < 0
	case "<=":
		return compared(a, b) <= 0
	case ">":
		return compared(a, b) > 0
	case ">=":
		return compared(a, b) >= 0
	}
	p.err = fmt.Errorf("the engine does not know the operator %q", operator)
	return false
}

func compared(a, b ddb.AttributeValue) int {
	_, isNumber := a.(*ddb.AttributeValueMemberN)
	x, errX := strconv.ParseFloat(flatten(a), 64)
	y, errY := strconv.ParseFloat(flatten(b), 64)
	if !isNumber || errX != nil || errY != nil {
		return strings.Compare(flatten(a), flatten(b))
	}
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// apiError is one of S3's.
func apiError(status int, code string) error {
	return refused(status, &smithy.GenericAPIError{Code: code, Message: code})
}

// clock is nothing to do: S3's clock here follows the world's.
func (e *engine) clock(time.Duration) {}

// events are what was published.
func (e *engine) events() []local.Message {
	var all []local.Message
	for _, text := range e.published {
		var m local.Message
		if json.Unmarshal([]byte(text), &m.Texts) == nil {
			all = append(all, m)
		}
	}
	return all
}

// written is S3's time of the next version: each since the last load has a second of its
// own.
func (e *engine) written() time.Time {
	since := 0
	if e.saved != nil {
		since = e.versions - e.saved.versions
	}
	return e.now().Add(min(lag, time.Duration(since)*time.Second)).UTC().Truncate(time.Second)
}

// age makes everything there older.
func (e *engine) age(by time.Duration) {
	for key := range e.objects {
		for i := range e.objects[key] {
			e.objects[key][i].modified = e.objects[key][i].modified.Add(-by)
		}
	}
}
