package backend

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/lockwarden/lockwarden/pkg/probe"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Set is every place that is watched: the stores that were named, and after Discover
// those that the names with a `*` match.
type Set struct {
	Tables  []*Table
	Buckets []*Bucket
	// Account is the stack's, the only one whose tables can be searched. While it is empty
	// every account is taken for it.
	Account string

	patterns []pattern
	clients  *clients
}

// Open makes a Set of ARNs: a table's ARN says its region and account, a bucket's
// region is found when S3 says that it is another. A name may contain `*`. It calls no
// AWS. The error names every ARN that is not one; a place that is named twice is read
// once. testdata/arns.json has the values that must be accepted and refused.
func Open(cfg aws.Config, tableARNs, bucketARNs []string) (Set, error) {
	return OpenEach(cfg, cfg, tableARNs, bucketARNs)
}

// OpenEach is Open with a configuration of its own for tables and for buckets, whose
// credentials may differ where one of them is outside of AWS.
func OpenEach(tables, buckets aws.Config, tableARNs, bucketARNs []string) (Set, error) {
	set := Set{clients: newClients(tables, buckets)}
	errs := []error{
		set.add(tableARNs, tableKind, func(p pattern) { set.Tables = append(set.Tables, set.clients.table(p.arn, p.text)) }),
		set.add(bucketARNs, bucketKind, func(p pattern) { set.Buckets = append(set.Buckets, set.clients.bucket(p.name, p.text, "")) }),
	}
	if errs[0] == nil && errs[1] == nil && len(set.Tables)+len(set.Buckets)+len(set.patterns) == 0 {
		errs = append(errs, errors.New("nothing to watch: name at least one lock table or state bucket by its ARN"))
	}
	return set, errors.Join(errs...)
}

// add keeps the patterns among some ARNs, and opens the others.
func (s *Set) add(arns []string, k kind, open func(pattern)) error {
	var errs []error
	for _, text := range distinct(arns) {
		p, err := k.parse(text)
		switch {
		case err != nil:
			errs = append(errs, err)
		case strings.Contains(p.name, wildcard):
			s.patterns = append(s.patterns, p)
		default:
			open(p)
		}
	}
	return errors.Join(errs...)
}

// Patterns are the configured ARNs whose names have a `*`.
func (s Set) Patterns() []string {
	var texts []string
	for _, p := range s.patterns {
		texts = append(texts, p.text)
	}
	return texts
}

// Store is a place where locks are held. What each method promises is said at
// Table's and Bucket's own, and the contract suite holds both to it.
type Store interface {
	ARN() string
	Holdings(ctx context.Context) iter.Seq2[tflock.Holding, error]
	Find(ctx context.Context, path tflock.Path) (tflock.Holding, bool, error)
	Acquire(ctx context.Context, path tflock.Path, raw []byte) (tflock.Holding, error)
	Release(ctx context.Context, h tflock.Holding) error
	Conditions(ctx context.Context) probe.Report
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

// BucketOf returns the watched bucket that the state of a path (bucket/key) is in, or nil.
// After a search that failed it may be one that only says so.
func (s Set) BucketOf(path tflock.Path) *Bucket {
	name := path.Bucket()
	for _, b := range s.Buckets {
		if b.name == name {
			return b
		}
	}
	for _, b := range s.Buckets { // a pattern that could not be searched
		if strings.Contains(b.name, wildcard) && matches(b.name, name) {
			return b
		}
	}
	return nil
}

// kind is how the ARNs of one kind of store are written.
type kind struct {
	service, prefix, what, example string
}

var (
	tableKind  = kind{"dynamodb", "table/", "DynamoDB table", "arn:aws:dynamodb:eu-central-1:123456789012:table/terraform-locks"}
	bucketKind = kind{"s3", "", "S3 bucket", "arn:aws:s3:::my-terraform-states"}
)

// isName reports whether a text is a name of a table or bucket, with * in it. Buckets of
// us-east-1 that were made before 2018 may have capitals, underscores and 255 characters, as
// tables have. (A pattern that repeats up to 255 times takes a millisecond of every start.)
func isName(text string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-" + wildcard
	return text != "" && len(text) <= 255 && strings.Trim(text, letters) == ""
}

func (k kind) parse(text string) (pattern, error) {
	a, err := arn.Parse(text)
	name, ok := strings.CutPrefix(a.Resource, k.prefix)
	here := k.service == "s3" && a.Region == "" && a.AccountID == "" || k.service == "dynamodb" && a.Region != "" && a.AccountID != ""
	if err != nil || a.Service != k.service || !ok || !here || !isName(name) || strings.Contains(a.Partition+a.Region+a.AccountID, wildcard) {
		return pattern{}, fmt.Errorf("%q is not the ARN of a %s: write it like %s; only the name may contain *", text, k.what, k.example)
	}
	return pattern{text, a, name}, nil
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
