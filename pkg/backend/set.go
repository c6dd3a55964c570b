package backend

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Set is every place that is watched.
type Set struct {
	Tables  []*Table
	Buckets []*Bucket
}

// Open makes a Set of ARNs: a table's ARN says its region and account, a bucket's
// region is found when S3 says that it is another. It calls no AWS. The error names every ARN
// that is not one; a place that is named twice is read once.
func Open(cfg aws.Config, tableARNs, bucketARNs []string) (Set, error) {
	var set Set
	var errs []error
	clients := regional[*dynamodb.Client](func(region string) *dynamodb.Client {
		return dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.Region = region })
	})
	for _, text := range distinct(tableARNs) {
		a, err := parse(text, "dynamodb", "table/", "arn:aws:dynamodb:eu-central-1:123456789012:table/terraform-locks")
		if err != nil {
			errs = append(errs, err)
			continue
		}
		table := &Table{client: clients(a.Region), arn: text, name: text}
		if cfg.BaseEndpoint != nil { // emulators know a table by its name only
			table.name = strings.TrimPrefix(a.Resource, "table/")
		}
		set.Tables = append(set.Tables, table)
	}
	buckets := regional[*s3.Client](func(region string) *s3.Client {
		return s3.NewFromConfig(cfg, func(o *s3.Options) {
			o.Region = region
			// Emulators have no host name for each bucket.
			o.UsePathStyle = cfg.BaseEndpoint != nil
			// State objects in parts carry checksums that the SDK cannot check and warns of.
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		})
	})
	for _, text := range distinct(bucketARNs) {
		a, err := parse(text, "s3", "", "arn:aws:s3:::my-terraform-states")
		if err != nil {
			errs = append(errs, err)
			continue
		}
		set.Buckets = append(set.Buckets, &Bucket{s3: &roaming{clients: buckets, bucket: a.Resource, region: cfg.Region}, name: a.Resource, arn: text})
	}
	if len(errs) == 0 && len(set.Tables)+len(set.Buckets) == 0 {
		errs = append(errs, errors.New("nothing to watch: name at least one lock table or state bucket by its ARN"))
	}
	return set, errors.Join(errs...)
}

// Store is a place where locks are held. What each method promises is said at
// Table's and Bucket's own, and the contract suite holds both to it.
type Store interface {
	ARN() string
	Holdings(ctx context.Context) iter.Seq2[tflock.Holding, error]
	Find(ctx context.Context, path string) (tflock.Holding, bool, error)
	Acquire(ctx context.Context, path string, raw []byte) (tflock.Holding, error)
	Release(ctx context.Context, h tflock.Holding) error
}

// All are the tables, then the buckets.
func (s Set) All() []Store {
	all := make([]Store, 0, len(s.Tables)+len(s.Buckets))
	for _, t := range s.Tables {
		all = append(all, t)
	}
	for _, b := range s.Buckets {
		all = append(all, b)
	}
	return all
}

// BucketOf gives the watched bucket that the state of a path (bucket/key) lies in, or
// nil.
func (s Set) BucketOf(path string) *Bucket {
	name, _, _ := tflock.SplitPath(path)
	for _, b := range s.Buckets {
		if b.name == name {
			return b
		}
	}
	return nil
}

func parse(text, service, prefix, example string) (arn.ARN, error) {
	a, err := arn.Parse(text)
	name, ok := strings.CutPrefix(a.Resource, prefix)
	if err != nil || a.Service != service || !ok || name == "" || strings.Contains(name, "/") || (service == "dynamodb" && a.Region == "") {
		return arn.ARN{}, fmt.Errorf("%q is not the ARN of a %s: write it like %s", text, map[string]string{"dynamodb": "DynamoDB table", "s3": "S3 bucket"}[service], example)
	}
	return a, nil
}

func distinct(texts []string) []string {
	var list []string
	seen := map[string]bool{}
	for _, text := range texts {
		if text = strings.TrimSpace(text); text != "" && !seen[text] {
			seen[text] = true
			list = append(list, text)
		}
	}
	return list
}

// regional gives one client a region, made when it is first asked for: a client
// holds connections, and most accounts keep everything in one region.
func regional[C any](open func(region string) C) func(region string) C {
	var mu sync.Mutex
	clients := map[string]C{}
	return func(region string) C {
		mu.Lock()
		defer mu.Unlock()
		client, ok := clients[region]
		if !ok {
			client = open(region)
			clients[region] = client
		}
		return client
	}
}
