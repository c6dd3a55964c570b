package contract

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Buckets are the promises of a state bucket.
func Buckets() []Check {
	return append(checks("bucket", NewBucket, both, []promise{
		{"a control character in a key is listed as it is", controlCharacter},
		{"a key with // is listed as it is", doubleSlash},
		{"locks are found among more keys than a page has", amongManyKeys},
		{"when a state was written is known, whatever its key", written},
		{"when a state was written is known beside its lock, and whatever else begins like its key", writtenBesideItsLock},
		{"of many locked states all locks are found, and when all were written", manyLocked},
		{"a state that is gone or changed is not deleted", stateChanged},
		{"a deleted state is kept as a version, and written back over its marker", versions},
		{"a state is written only where there is none", stateExists},
		{"a state is written over only if it is the one that was read", stateReplaced},
		{"a state without tags is not protected, one with the tag is", tags},
	}), Check{"bucket: one that there is not says so", noBucket})
}

func doubleSlash(ctx context.Context, s *Store) error {
	return listedAs(ctx, s, "a//b/terraform.tfstate")
}

func amongManyKeys(ctx context.Context, s *Store) error {
	const many, writers = 1_100, 8
	var all errgroup.Group
	all.SetLimit(writers)
	for i := range many {
		all.Go(func() error { return s.put(ctx, fmt.Sprintf("states/%05d", i), "") })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	for _, key := range []string{"states/00000", "states/01099"} {
		if err := s.write(ctx, key, string(lock(key))); err != nil {
			return err
		}
	}
	if err := s.put(ctx, "huge"+tflock.Suffix, strings.Repeat("x", 2<<20)); err != nil {
		return err
	}
	got, err := s.list(ctx)
	if err == nil && (len(got) != 3 || got[s.path("huge")].Err == nil || got[s.path("huge")].Raw != "") {
		err = fmt.Errorf("%d holdings: %q", len(got), paths(got))
	}
	return err
}

// written is what the guard before a release depends on.
func written(ctx context.Context, s *Store) error {
	if err := s.put(ctx, "a/terraform.tfstate.backup", "{}"); err != nil {
		return err
	}
	if at, err := s.Bucket.StateWritten(ctx, s.path("a/terraform.tfstate")); err != nil || !at.IsZero() {
		return fmt.Errorf("a state that is only a prefix of another key was written at %s, %w", at, orNothing(err))
	}
	for _, key := range OddKeys {
		if err := writtenNow(ctx, s, key); err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
	}
	return listedAsWritten(ctx, s)
}

// writtenNow writes a state, and wants its time and its digest.
func writtenNow(ctx context.Context, s *Store, key string) error {
	if err := s.put(ctx, key, "{}"); err != nil {
		return err
	}
	at, err := s.Bucket.StateWritten(ctx, s.path(key))
	if err != nil || time.Since(at).Abs() > time.Minute {
		return fmt.Errorf("was written at %s, %w", at, orNothing(err))
	}
	if sum, err := s.Bucket.StateDigest(ctx, s.path(key)); err != nil || sum != "99914b932bd37a50b983c5e7c90ae93b" {
		return fmt.Errorf("has the digest %s, %w", sum, orNothing(err))
	}
	return nil
}

func listedAsWritten(ctx context.Context, s *Store) error {
	holdings, times := s.Bucket.Survey(ctx)
	for _, err := range holdings {
		if err != nil {
			return err
		}
	}
	for _, key := range OddKeys {
		if at, _, known := times.Of(s.path(key)); known && time.Since(at).Abs() > time.Minute { // else StateWritten is asked
			return fmt.Errorf("by the listing %q was written at %s", key, at)
		}
	}
	return nil
}

// writtenBesideItsLock is so in every bucket: a store that gives the lock first, where one key
// is asked for, hides that the state was just written.
func writtenBesideItsLock(ctx context.Context, s *Store) error {
	const key = "a+b/100%/terraform.tfstate"
	path := s.path(key)
	if _, err := s.Acquire(ctx, path, lock("x")); err != nil {
		return err
	}
	for _, more := range []string{".backup", "-md5", ""} {
		if err := s.put(ctx, key+more, "{}"); err != nil {
			return err
		}
	}
	if at, err := s.Bucket.StateWritten(ctx, path); err != nil || time.Since(at).Abs() > time.Minute {
		return fmt.Errorf("the state under its lock was written at %s, %w", at, orNothing(err))
	}
	return nil
}

// manyLocked has more keys than a page, which ends between a state and its lock.
func manyLocked(ctx context.Context, s *Store) error {
	const many, writers = 510, 8
	var all errgroup.Group
	all.SetLimit(writers)
	key := func(i int) string { return fmt.Sprintf("states/%03d/terraform.tfstate", i) }
	for i := range many {
		all.Go(func() error { return errors.Join(s.put(ctx, key(i), "{}"), s.write(ctx, key(i), string(lock(key(i))))) })
	}
	if err := errors.Join(all.Wait(), s.put(ctx, "first", "")); err != nil {
		return err
	}
	holdings, times := s.Bucket.Survey(ctx)
	found := map[tflock.Path]bool{}
	for h, err := range holdings {
		if err != nil {
			return err
		}
		found[h.Path] = true
	}
	if len(found) != many {
		return fmt.Errorf("%d locks are found, and not %d", len(found), many)
	}
	for i := range many {
		if at, _, known := times.Of(s.path(key(i))); known && time.Since(at).Abs() > 10*time.Minute {
			return fmt.Errorf("by the listing %q was written at %s", key(i), at)
		}
	}
	return nil
}

func tags(ctx context.Context, s *Store) error {
	key := "a/terraform.tfstate"
	if err := s.put(ctx, key, "{}"); err != nil {
		return err
	}
	if tagged, err := s.Bucket.Tagged(ctx, s.path(key), "lockwarden:keep"); tagged || err != nil {
		return fmt.Errorf("without tags: %v, %w", tagged, orNothing(err))
	}
	_, err := s.bucket.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{
		Bucket: &s.Name, Key: &key, Tagging: &s3types.Tagging{TagSet: []s3types.Tag{{Key: aws.String("lockwarden:keep"), Value: aws.String("")}}},
	})
	if err != nil {
		return err
	}
	if tagged, err := s.Bucket.Tagged(ctx, s.path(key), "lockwarden:keep"); !tagged || err != nil {
		return fmt.Errorf("with the tag: %v, %w", tagged, orNothing(err))
	}
	if _, err := s.Bucket.Tagged(ctx, s.path("none"), "lockwarden:keep"); !errors.Is(err, backend.ErrGone) {
		return fmt.Errorf("of a state that there is not: %w", orNothing(err))
	}
	return nil
}

// noBucket is a promise of a bucket service: one that there is not fails with words.
func noBucket(ctx context.Context, cfg aws.Config) error {
	arn := "arn:aws:s3:::" + newName()
	set, err := backend.Open(cfg, nil, []string{arn})
	if err != nil {
		return err
	}
	for _, err := range set.Buckets[0].Holdings(ctx) {
		if err == nil || !backend.Permanent(err) || !strings.HasPrefix(err.Error(), arn) || !strings.Contains(err.Error(), "does not exist") {
			return fmt.Errorf("it fails with another error: %w", orNothing(err))
		}
		return nil
	}
	return errors.New("it is listed as empty")
}
