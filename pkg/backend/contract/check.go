package contract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Check is one promise. Run says what does not hold of it in the engine that cfg leads to.
type Check struct {
	Name string
	Run  func(ctx context.Context, cfg aws.Config) error
}

// promise is one that is kept by a store of its own, new and empty.
type promise struct {
	name string
	keep func(ctx context.Context, s *Store) error
}

// checks are those of promises, each with a new store of that kind.
func checks(kind string, open func(context.Context, aws.Config) (*Store, error), promises ...[]promise) []Check {
	var all []Check
	for _, p := range slices.Concat(promises...) {
		all = append(all, Check{kind + ": " + p.name, func(ctx context.Context, cfg aws.Config) error {
			s, err := open(ctx, cfg)
			if err != nil {
				return err
			}
			return p.keep(ctx, s)
		}})
	}
	return all
}

// both are the promises of tables and buckets alike.
var both = []promise{
	{"an empty store has no holdings", empty},
	{"a taken lock is listed and found with its exact bytes", listedAndFound},
	{"a write that is repeated finds its own lock", repeated},
	{"a held lock cannot be taken", held},
	{"of many that take a lock at once, one gets it", atOnce},
	{"a lock that changed is left alone, and its holder is named", changed},
	{"a release takes the one lock, once", once},
	{"a released lock can be taken again", again},
	{"what is not a lock is held and unreadable; found alone, with its bytes", unreadable},
	{"a key with any characters is listed by its own name", anyCharacters},
	{"many locks come over several pages", severalPages},
}

func empty(ctx context.Context, s *Store) error {
	got, err := s.list(ctx)
	if err == nil && len(got) != 0 {
		err = fmt.Errorf("got %v", got)
	}
	return err
}

func listedAndFound(ctx context.Context, s *Store) error {
	raw := lock("x")
	if _, err := s.Acquire(ctx, s.path("a/terraform.tfstate"), raw); err != nil {
		return err
	}
	found, ok, err := s.Find(ctx, s.path("a/terraform.tfstate"))
	if err != nil || !ok || found.Raw != string(raw) || found.Info.ID != "x" {
		return fmt.Errorf("found %+v, %v, %w", found, ok, err)
	}
	all, err := s.list(ctx)
	if err != nil {
		return err
	}
	if listed := all[found.Path]; listed.Raw != found.Raw || listed.ETag != found.ETag || listed.Store != s.ARN() {
		return fmt.Errorf("listed %+v, found %+v", listed, found)
	}
	return nil
}

// repeated is what the SDK does when an answer is lost.
func repeated(ctx context.Context, s *Store) error {
	raw := lock("x")
	for range 2 {
		if _, err := s.Acquire(ctx, s.path("k"), raw); err != nil {
			return err
		}
	}
	return nil
}

func held(ctx context.Context, s *Store) error {
	if _, err := s.Acquire(ctx, s.path("k"), lock("x")); err != nil {
		return err
	}
	_, err := s.Acquire(ctx, s.path("k"), lock("y"))
	if held, ok := errors.AsType[*backend.HeldError](err); !ok || held.By == nil || held.By.Info.ID != "x" {
		return fmt.Errorf("a second lock was taken over the first: %w", orNothing(err))
	}
	return s.holds(ctx, "k", "x")
}

func atOnce(ctx context.Context, s *Store) error {
	const clients = 12
	results := make([]error, clients)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { _, results[i] = s.Acquire(ctx, s.path("k"), lock(fmt.Sprint("client-", i))) })
	}
	all.Wait()
	winner := -1
	for i, err := range results {
		_, held := errors.AsType[*backend.HeldError](err)
		switch {
		case err == nil && winner >= 0:
			return fmt.Errorf("clients %d and %d both have the lock", winner, i)
		case err == nil:
			winner = i
		case !held:
			return fmt.Errorf("client %d: %w", i, err)
		}
	}
	if winner < 0 {
		return errors.New("nobody has the lock")
	}
	return s.holds(ctx, "k", fmt.Sprint("client-", winner))
}

func changed(ctx context.Context, s *Store) error {
	old, err := s.Acquire(ctx, s.path("k"), lock("old"))
	if err != nil {
		return err
	}
	if err := s.write(ctx, "k", string(lock("new"))); err != nil {
		return err
	}
	err = s.Release(ctx, old)
	if there := s.holds(ctx, "k", "new"); there != nil {
		return fmt.Errorf("the release of the old lock (%w) took the new one: %w", orNothing(err), there)
	}
	if changed, ok := errors.AsType[*backend.ChangedError](err); !ok || changed.Now == nil || changed.Now.Info.ID != "new" {
		return fmt.Errorf("nobody is notified of the new lock: %w", orNothing(err))
	}
	return nil
}

func once(ctx context.Context, s *Store) error {
	first, err := s.Acquire(ctx, s.path("k"), lock("x"))
	if err != nil {
		return err
	}
	if _, err := s.Acquire(ctx, s.path("other"), lock("y")); err != nil {
		return err
	}
	if err := s.Release(ctx, first); err != nil {
		return err
	}
	if _, found, err := s.Find(ctx, s.path("k")); found || err != nil {
		return fmt.Errorf("it is still there: %v, %w", found, orNothing(err))
	}
	if err := s.Release(ctx, first); !errors.Is(err, backend.ErrGone) {
		return fmt.Errorf("a second release: %w", orNothing(err))
	}
	return s.holds(ctx, "other", "y")
}

// again is what every run does after the one before it. On a versioned bucket the release
// left a delete marker.
func again(ctx context.Context, s *Store) error {
	for _, id := range []string{"x", "y", "z"} {
		h, err := s.Acquire(ctx, s.path("k"), lock(id))
		if err != nil {
			return fmt.Errorf("take %s: %w", id, err)
		}
		if err := s.Release(ctx, h); err != nil {
			return fmt.Errorf("release %s: %w", id, err)
		}
	}
	return nil
}

func unreadable(ctx context.Context, s *Store) error {
	for i, content := range []string{"{}", "me, until noon", `{"ID":""}`, strings.Repeat("x", 200_000)} {
		key := fmt.Sprintf("odd/%d", i)
		if err := s.write(ctx, key, content); err != nil {
			return err
		}
		all, err := s.list(ctx)
		if err != nil {
			return err
		}
		if h := all[s.path(key)]; h.Err == nil || h.Raw != "" {
			return fmt.Errorf("%.20q: listed with error %w, %d bytes", content, orNothing(h.Err), len(h.Raw))
		}
		if h, found, err := s.Find(ctx, s.path(key)); err != nil || !found || h.Err == nil || h.Raw != content {
			return fmt.Errorf("%.20q: found %v, error %w, holding's error %w, %d bytes", content, found, orNothing(err), orNothing(h.Err), len(h.Raw))
		}
	}
	return nil
}

// OddKeys are keys that people have, and that stores are known to give back wrongly.
var OddKeys = []string{
	"a+b/terraform.tfstate", "100%/terraform.tfstate", "a%2Fb/terraform.tfstate", "env:/feature x/terraform.tfstate",
	"Üben/日本/terraform.tfstate", "a&b<c>/\"q\"/terraform.tfstate", "x='1'/terraform.tfstate",
}

func anyCharacters(ctx context.Context, s *Store) error {
	for _, key := range OddKeys {
		if _, err := s.Acquire(ctx, s.path(key), lock(key)); err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
	}
	all, err := s.list(ctx)
	if err != nil {
		return err
	}
	for _, key := range OddKeys {
		h, listed := all[s.path(key)]
		if !listed || h.Info.ID != key {
			return fmt.Errorf("%q is not listed by that name, but %q", key, paths(all))
		}
		if err := s.Release(ctx, h); err != nil {
			return fmt.Errorf("%q as listed: %w", key, err)
		}
	}
	return nil
}

// severalPages has more than a page of DynamoDB, which is a megabyte.
func severalPages(ctx context.Context, s *Store) error {
	const many = 30
	for i := range many {
		if err := s.write(ctx, fmt.Sprintf("many/%d", i), string(lock("m"))+strings.Repeat(" ", 100_000)); err != nil {
			return err
		}
	}
	all, err := s.list(ctx)
	if err == nil && len(all) != many {
		err = fmt.Errorf("%d holdings, want %d", len(all), many)
	}
	return err
}

// holds says what is wrong if the lock of a key has not that ID.
func (s *Store) holds(ctx context.Context, key, id string) error {
	switch h, found, err := s.Find(ctx, s.path(key)); {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("lock %s of %s is gone", id, key)
	case h.Info.ID != id:
		return fmt.Errorf("%s is held by %q, and not by %s", key, h.Info.ID, id)
	}
	return nil
}

var errNothing = errors.New("no error")

// orNothing makes an error of none, for texts that quote it.
func orNothing(err error) error {
	if err == nil {
		return errNothing
	}
	return err
}

func paths[V any](all map[tflock.Path]V) []tflock.Path {
	var list []tflock.Path
	for path := range all {
		list = append(list, path)
	}
	return list
}
