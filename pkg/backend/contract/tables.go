package contract

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Tables are the promises of a lock table.
func Tables() []Check {
	return append(checks("table", NewTable, both, []promise{
		{"a control character in a key is listed as it is", controlCharacter},
		{"locks, digests and rows of other tools are told apart", rowsApart},
		{"a digest is deleted only if it is the one that was read", digests},
		{"a digest is written over only if it is the one that was read", digestReplaced},
		{"digests are read in batches", digestBatch},
	}), Check{"table: what is not a lock table says so", noLockTables})
}

func rowsApart(ctx context.Context, s *Store) error {
	for _, row := range []map[string]dynamotypes.AttributeValue{
		{"LockID": text("b/k-md5"), "Digest": text("d41d8cd98f00b204e9800998ecf8427e")},
		{"LockID": text("b/empty-md5")},
		{"LockID": text("b/lock-md5"), "Info": text(string(lock("x")))},
		{"LockID": text("b/both"), "Info": text(string(lock("y"))), "Digest": text("d")},
		{"LockID": text("deploy"), "Expiration": &dynamotypes.AttributeValueMemberN{Value: "7"}, "Owner": text("me")},
		{"LockID": text("b/number"), "Info": &dynamotypes.AttributeValueMemberN{Value: "7"}},
	} {
		if err := s.row(ctx, row); err != nil {
			return err
		}
	}
	got, err := s.list(ctx)
	if err != nil {
		return err
	}
	for path, readable := range map[tflock.Path]bool{"b/lock-md5": true, "b/both": true, "deploy": false, "b/number": false} {
		if h, ok := got[path]; !ok || (h.Err == nil) != readable {
			return fmt.Errorf("%s: listed %v, %w", path, ok, orNothing(h.Err))
		}
		delete(got, path)
	}
	if len(got) != 0 {
		return fmt.Errorf("these are not locks: %q", paths(got))
	}
	return nil
}

func controlCharacter(ctx context.Context, s *Store) error {
	return listedAs(ctx, s, "a\x01b/terraform.tfstate")
}

func listedAs(ctx context.Context, s *Store, key string) error {
	if _, err := s.Acquire(ctx, s.path(key), lock("x")); err != nil {
		return err
	}
	all, err := s.list(ctx)
	if _, listed := all[s.path(key)]; err == nil && !listed {
		err = fmt.Errorf("%q is not listed by that name, but %s", key, listing(all))
	}
	return err
}

// listing is what a store lists, with what it says of what it cannot read.
func listing(all map[tflock.Path]tflock.Holding) string {
	var list []string
	for path, h := range all {
		list = append(list, fmt.Sprintf("%q (%v)", path, orNothing(h.Err)))
	}
	return strings.Join(list, ", ")
}

func digests(ctx context.Context, s *Store) error {
	path := s.path("a/terraform.tfstate")
	write := func(digest string) error {
		return s.row(ctx, map[string]dynamotypes.AttributeValue{"LockID": text(string(path) + "-md5"), "Digest": text(digest)})
	}
	if err := write("old"); err != nil {
		return err
	}
	if err := write("new"); err != nil {
		return err
	}
	err := s.Table.DeleteDigest(ctx, path, "old")
	if _, changed := errors.AsType[*backend.ChangedError](err); !changed {
		return fmt.Errorf("the digest changed, and the delete of the old one gave %w", orNothing(err))
	}
	if got, err := s.Table.Digest(ctx, path); got != "new" || err != nil {
		return fmt.Errorf("the new digest is %q, %w", got, orNothing(err))
	}
	if err := s.Table.DeleteDigest(ctx, path, "new"); err != nil {
		return err
	}
	if err := s.Table.DeleteDigest(ctx, path, "new"); !errors.Is(err, backend.ErrGone) {
		return fmt.Errorf("a second delete gave %w", orNothing(err))
	}
	for _, digest := range []string{"restored", "of nobody"} { // the second finds the first, and leaves it
		if err := s.Table.RestoreDigest(ctx, path, digest); err != nil {
			return err
		}
	}
	if got, err := s.Table.Digest(ctx, path); got != "restored" || err != nil {
		return fmt.Errorf("the restored digest is %q, %w", got, orNothing(err))
	}
	return nil
}

// digestReplaced is what accept_state relies on.
func digestReplaced(ctx context.Context, s *Store) error {
	path := s.path("a/terraform.tfstate")
	if err := s.Table.ReplaceDigest(ctx, path, "one", "two"); !errors.Is(err, backend.ErrGone) {
		return fmt.Errorf("a write over a digest that there is not: %w", orNothing(err))
	}
	if err := s.Table.RestoreDigest(ctx, path, "one"); err != nil {
		return err
	}
	for range 2 { // the second is a repeat whose first answer was lost
		if err := s.Table.ReplaceDigest(ctx, path, "one", "two"); err != nil {
			return err
		}
	}
	err := s.Table.ReplaceDigest(ctx, path, "one", "three")
	if _, changed := errors.AsType[*backend.ChangedError](err); !changed {
		return fmt.Errorf("the digest changed, and the write over the old one gave %w", orNothing(err))
	}
	if got, err := s.Table.Digest(ctx, path); got != "two" || err != nil {
		return fmt.Errorf("the digest is %q, %w", got, orNothing(err))
	}
	return nil
}

func digestBatch(ctx context.Context, s *Store) error {
	const many = 130 // more than DynamoDB takes at once
	var asked []tflock.Path
	for i := range many {
		asked = append(asked, s.path(fmt.Sprint(i)))
		if i%2 == 0 {
			continue
		}
		if err := s.row(ctx, map[string]dynamotypes.AttributeValue{"LockID": text(string(asked[i]) + "-md5"), "Digest": text(fmt.Sprint("d", i))}); err != nil {
			return err
		}
	}
	got, err := s.Table.Digests(ctx, asked)
	if err == nil && (len(got) != many/2 || got[asked[1]] != "d1" || got[asked[many-1]] != fmt.Sprint("d", many-1)) {
		err = fmt.Errorf("%d digests of %d: %v", len(got), many/2, got)
	}
	return err
}

// noLockTables is a promise of a table service: a table of somebody's own, and one that there
// is not, fail with words, and none of their rows is an unreadable lock.
func noLockTables(ctx context.Context, cfg aws.Config) error {
	for _, tc := range []struct {
		keys []string
		row  func(i int) map[string]dynamotypes.AttributeValue
		says string
	}{
		{[]string{"id"}, func(i int) map[string]dynamotypes.AttributeValue {
			return map[string]dynamotypes.AttributeValue{"id": text(fmt.Sprint(i))}
		}, "does not look like a lock table"},
		{[]string{"LockID", "part"}, func(i int) map[string]dynamotypes.AttributeValue {
			return map[string]dynamotypes.AttributeValue{"LockID": text("b/k"), "part": text(fmt.Sprint(i))}
		}, "does not look like a lock table"},
		{nil, nil, "does not exist"},
	} {
		if err := failsToRead(ctx, cfg, tc.keys, tc.row, tc.says); err != nil {
			return fmt.Errorf("a table with the keys %q: %w", tc.keys, err)
		}
	}
	return nil
}

func failsToRead(ctx context.Context, cfg aws.Config, keys []string, row func(i int) map[string]dynamotypes.AttributeValue, says string) error {
	s, err := NewTable(ctx, cfg) // for its client
	if err != nil {
		return err
	}
	arn := strings.Replace(s.ARN(), s.Name, newName(), 1)
	_, s.Name, _ = strings.Cut(arn, "table/")
	if keys != nil {
		if _, err := MakeTable(ctx, cfg, s.Name, keys...); err != nil {
			return err
		}
		for i := range 3 {
			if err := s.row(ctx, row(i)); err != nil {
				return err
			}
		}
	}
	return failsOnce(ctx, cfg, arn, says)
}

// failsOnce wants one failure of the listing of a table, with these words.
func failsOnce(ctx context.Context, cfg aws.Config, arn, says string) error {
	set, err := backend.Open(cfg, []string{arn}, nil)
	if err != nil {
		return err
	}
	held, failures := 0, 0
	for _, err := range set.Tables[0].Holdings(ctx) {
		if err == nil {
			held++
			continue
		}
		failures++
		if !backend.Permanent(err) || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), arn) {
			return fmt.Errorf("it fails with another error than %q: %w", says, err)
		}
	}
	if held > 1 || failures != 1 {
		return fmt.Errorf("%d holdings, %d failures", held, failures)
	}
	return nil
}
