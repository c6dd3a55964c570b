package contract

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Store is a new lock table or state bucket of an engine, with the means of another client.
type Store struct {
	backend.Store
	Table  *backend.Table  // nil for a bucket
	Bucket *backend.Bucket // nil for a table
	Name   string          // of the table or the bucket

	table  *dynamodb.Client
	bucket *s3.Client
}

// names are unique in this process, and as good as unique on an engine that others use too.
var names atomic.Int64

func newName() string { return fmt.Sprintf("contract-%d-%d", time.Now().UnixNano(), names.Add(1)) }

// NewTable makes a lock table on the engine that cfg leads to.
func NewTable(ctx context.Context, cfg aws.Config) (*Store, error) {
	s := &Store{Name: newName(), table: dynamodb.NewFromConfig(cfg)}
	arn, err := MakeTable(ctx, cfg, s.Name, "LockID")
	if err != nil {
		return nil, err
	}
	set, err := backend.Open(cfg, []string{arn}, nil)
	if err != nil {
		return nil, err
	}
	s.Table, s.Store = set.Tables[0], set.Tables[0]
	return s, nil
}

// MakeTable makes a table with these string keys, a hash key and at most one range key, waits
// until it can be used, and returns its ARN.
func MakeTable(ctx context.Context, cfg aws.Config, name string, keys ...string) (arn string, err error) {
	input := &dynamodb.CreateTableInput{TableName: &name, BillingMode: dynamotypes.BillingModePayPerRequest}
	for i, key := range keys {
		input.AttributeDefinitions = append(input.AttributeDefinitions, dynamotypes.AttributeDefinition{AttributeName: &key, AttributeType: dynamotypes.ScalarAttributeTypeS})
		input.KeySchema = append(input.KeySchema, dynamotypes.KeySchemaElement{AttributeName: &key, KeyType: []dynamotypes.KeyType{dynamotypes.KeyTypeHash, dynamotypes.KeyTypeRange}[i]})
	}
	client := dynamodb.NewFromConfig(cfg)
	// A repeat by the SDK finds the table that the first attempt made.
	if _, err := client.CreateTable(ctx, input); err != nil {
		if _, exists := errors.AsType[*dynamotypes.ResourceInUseException](err); !exists {
			return "", err
		}
	}
	active := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 500*time.Millisecond
	})
	out, err := active.WaitForOutput(ctx, &dynamodb.DescribeTableInput{TableName: &name}, 30*time.Second)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Table.TableArn), nil
}

// NewBucket makes a state bucket on the engine that cfg leads to, versioned where the engine
// has versions.
func NewBucket(ctx context.Context, cfg aws.Config) (*Store, error) {
	s := &Store{Name: newName(), bucket: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })}
	if err := MakeBucket(ctx, cfg, s.Name); err != nil {
		return nil, err
	}
	set, err := backend.Open(cfg, nil, []string{"arn:aws:s3:::" + s.Name})
	if err != nil {
		return nil, err
	}
	s.Bucket, s.Store = set.Buckets[0], set.Buckets[0]
	return s, nil
}

// MakeBucket makes a bucket, versioned where the engine has versions: some stores have none, and are
// used all the same.
func MakeBucket(ctx context.Context, cfg aws.Config, name string) error {
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(cfg.Region)},
	})
	if _, exists := errors.AsType[*s3types.BucketAlreadyOwnedByYou](err); err != nil && !exists {
		return err
	}
	_, err = client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &name, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled},
	})
	if _, refused := errors.AsType[smithy.APIError](err); refused {
		return nil
	}
	return err
}

// path is that of the state with this key: a table's rows name a bucket of the same name.
func (s *Store) path(key string) tflock.Path { return tflock.NewPath(s.Name, key) }

// write puts a lock there without asking, as somebody else might.
func (s *Store) write(ctx context.Context, key, content string) error {
	if s.Bucket != nil {
		return s.put(ctx, key+tflock.Suffix, content)
	}
	return s.row(ctx, map[string]dynamotypes.AttributeValue{"LockID": text(string(s.path(key))), "Info": text(content)})
}

// put writes an object without asking.
func (s *Store) put(ctx context.Context, key, content string) error {
	_, err := s.bucket.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.Name, Key: &key, Body: strings.NewReader(content)})
	return err
}

// row writes a row without asking.
func (s *Store) row(ctx context.Context, item map[string]dynamotypes.AttributeValue) error {
	_, err := s.table.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Name, Item: item})
	return err
}

func text(v string) dynamotypes.AttributeValue { return &dynamotypes.AttributeValueMemberS{Value: v} }

// list returns what the store holds, by path.
func (s *Store) list(ctx context.Context) (map[tflock.Path]tflock.Holding, error) {
	all := map[tflock.Path]tflock.Holding{}
	for h, err := range s.Holdings(ctx) {
		if err != nil {
			return nil, err
		}
		if _, twice := all[h.Path]; twice {
			return nil, fmt.Errorf("%s is listed twice", h.Path)
		}
		all[h.Path] = h
	}
	return all, nil
}

// lock is a lock as clients write it.
func lock(id string) []byte {
	raw, err := tflock.Info{ID: id, Operation: "OperationTypeApply", Who: "me@host <&>", Created: time.Now().UTC()}.Marshal()
	if err != nil {
		panic(err) // its text comes from here
	}
	return raw
}
