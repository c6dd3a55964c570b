package backend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Search finds the stores that some patterns match, by one list: the buckets of the
// account, or its tables in one region.
type Search struct {
	set      Set
	patterns []pattern
}

// searchTime bounds one search, so that a list that hangs is a failure like any other.
const searchTime = 20 * time.Second

// describers bounds how many tables are looked at side by side.
const describers = 8

// Searches are what must be asked to know what the patterns match now. There are none
// without patterns.
func (s Set) Searches() []Search {
	var all []Search
	for _, p := range s.patterns {
		i := slices.IndexFunc(all, func(other Search) bool {
			return other.patterns[0].arn.Service == p.arn.Service && other.patterns[0].arn.Region == p.arn.Region
		})
		if i < 0 {
			i, all = len(all), append(all, Search{set: s})
		}
		all[i].patterns = append(all[i].patterns, p)
	}
	return all
}

// Find returns the stores that match and were not named. A pattern that could not be
// searched is a store too: it has the pattern's ARN, and each of its calls fails with the
// cause as an *Error, so that nobody takes what it covers for read, or for absent.
func (s Search) Find(ctx context.Context) Set {
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	own := func(p pattern) bool {
		return p.arn.AccountID == "" || s.set.Account == "" || p.arn.AccountID == s.set.Account
	}
	others := slices.DeleteFunc(slices.Clone(s.patterns), own)
	s.patterns = slices.DeleteFunc(slices.Clone(s.patterns), func(p pattern) bool { return !own(p) })
	failed := s.failed(others, fmt.Errorf("%w, which is %s: name a table of another account in full", errOtherAccount, s.set.Account))
	if len(s.patterns) == 0 {
		return failed
	}
	find := Search.buckets
	if s.patterns[0].arn.Service == tableKind.service {
		find = Search.tables
	}
	found, err := find(s, ctx)
	if err != nil {
		return failed.With(s.failed(s.patterns, err))
	}
	s.noteUnmatched(ctx, found)
	return failed.With(found)
}

// failed stands for what these patterns match.
func (s Search) failed(patterns []pattern, err error) Set {
	var set Set
	for _, p := range patterns {
		if p.arn.Service == tableKind.service {
			set.Tables = append(set.Tables, s.set.clients.failedTable(p.arn, p.text, &searchError{err}))
		} else {
			set.Buckets = append(set.Buckets, s.set.clients.failedBucket(p, &searchError{err}))
		}
	}
	return set
}

// With returns a set with the stores of another one behind its own.
func (s Set) With(found Set) Set {
	s.Tables, s.Buckets = slices.Concat(s.Tables, found.Tables), slices.Concat(s.Buckets, found.Buckets)
	return s
}

// Discover returns the set with what the patterns match now, as Search.Find says. Call it
// when an invocation begins: stores come and go. Without patterns it calls no AWS.
func (s Set) Discover(ctx context.Context) Set {
	searches := s.Searches()
	found := make([]Set, len(searches))
	var group sync.WaitGroup
	for i, search := range searches {
		group.Go(func() { found[i] = search.Find(ctx) })
	}
	group.Wait()
	for _, f := range found {
		s = s.With(f)
	}
	return s
}

// buckets searches the buckets of the account. S3 gives their regions with them.
func (s Search) buckets(ctx context.Context) (Set, error) {
	var found Set
	input := &s3.ListBucketsInput{MaxBuckets: aws.Int32(1000)}
	if prefix := s.prefix(); prefix != "" {
		input.Prefix = &prefix
	}
	for pages := s3.NewListBucketsPaginator(s.set.clients.s3(s.set.clients.home), input); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err == nil && page.Buckets == nil && page.Owner == nil {
			err = errNotS3 // every answer names the owner, or has the element of the buckets at least
		}
		if err != nil {
			return Set{}, err
		}
		for _, b := range page.Buckets {
			name := aws.ToString(b.Name)
			i := slices.IndexFunc(s.patterns, func(p pattern) bool { return p.matches(name) })
			if i < 0 || slices.ContainsFunc(s.set.Buckets, func(named *Bucket) bool { return named.name == name }) {
				continue
			}
			text := fmt.Sprintf("arn:%s:s3:::%s", s.patterns[i].arn.Partition, name)
			found.Buckets = append(found.Buckets, s.set.clients.bucket(name, text, aws.ToString(b.BucketRegion)))
		}
	}
	slices.SortFunc(found.Buckets, func(a, b *Bucket) int { return strings.Compare(a.name, b.name) })
	return found, nil
}

// prefix is how every name begins that one of the patterns matches.
func (s Search) prefix() string {
	common := s.patterns[0].prefix()
	for _, p := range s.patterns[1:] {
		for !strings.HasPrefix(p.prefix(), common) {
			common = common[:len(common)-1]
		}
	}
	return common
}

// tables searches the tables of the account in one region. Those that are not lock tables
// by their key are passed over, the ledger among them.
func (s Search) tables(ctx context.Context) (Set, error) {
	client := s.set.clients.dynamodb(s.patterns[0].arn.Region)
	var matching []*Table
	for pages := dynamodb.NewListTablesPaginator(client, &dynamodb.ListTablesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err == nil && page.TableNames == nil {
			err = errNotDynamoDB
		}
		if err != nil {
			return Set{}, err
		}
		for _, name := range page.TableNames {
			i := slices.IndexFunc(s.patterns, func(p pattern) bool { return p.matches(name) })
			if i < 0 {
				continue
			}
			at := s.patterns[i].arn
			at.Resource = tableKind.prefix + name
			text := at.String()
			if !slices.ContainsFunc(s.set.Tables, func(named *Table) bool { return named.arn == text }) {
				matching = append(matching, s.set.clients.table(at, text))
			}
		}
	}
	// Several at once, and in their order.
	lockTables := make([]*Table, len(matching))
	var group sync.WaitGroup
	slots := make(chan struct{}, describers)
	for i, t := range matching {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			lockTables[i] = s.described(ctx, t)
		})
	}
	group.Wait()
	return Set{Tables: slices.DeleteFunc(lockTables, func(t *Table) bool { return t == nil })}, nil
}

// described returns a table if it is a lock table, by its key; or nil. One that cannot be
// described is a store that fails.
func (s Search) described(ctx context.Context, t *Table) *Table {
	out, err := t.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &t.name})
	switch {
	case code(err) == "ResourceNotFoundException": // deleted since it was listed
		return nil
	case err == nil && out.Table == nil:
		err = errNotDynamoDB
	}
	if err != nil {
		p, _ := tableKind.parse(t.arn)
		return s.failed([]pattern{p}, err).Tables[0]
	}
	d := out.Table
	if d.TableStatus == types.TableStatusCreating || d.TableStatus == types.TableStatusDeleting || !isLockTable(d) {
		return nil
	}
	return t
}

// isLockTable reports whether clients can lock with a table: its key is LockID, a string, alone.
func isLockTable(d *types.TableDescription) bool {
	return len(d.KeySchema) == 1 && aws.ToString(d.KeySchema[0].AttributeName) == lockID &&
		slices.ContainsFunc(d.AttributeDefinitions, func(a types.AttributeDefinition) bool {
			return aws.ToString(a.AttributeName) == lockID && a.AttributeType == types.ScalarAttributeTypeS
		})
}

const lockID = "LockID"

var (
	errOtherAccount = errors.New("a name with * is searched in the stack's account alone")
	errNotDynamoDB  = errors.New("the answer does not come from DynamoDB: is there a proxy in between?")
)

// searchError says that what a pattern matches, or what a table is, is not known.
type searchError struct{ err error }

func (e *searchError) Error() string {
	return "it could not be looked up: " + cause(e.err)
}

func (e *searchError) Unwrap() error { return e.err }

// noteUnmatched logs patterns that match nothing, once in the life of a function's
// environment: that is not a failure, since the first match may be made tomorrow.
func (s Search) noteUnmatched(ctx context.Context, found Set) {
	for _, p := range s.patterns {
		covers := func(store Store) bool { return Covers(p.text, store.ARN()) }
		if slices.ContainsFunc(found.All(), covers) || slices.ContainsFunc(s.set.All(), covers) {
			continue
		}
		if _, said := s.set.clients.unmatched.LoadOrStore(p.text, true); !said {
			slog.InfoContext(ctx, "no table or bucket matches this name, so it watches nothing yet", "arn", p.text)
		}
	}
}
