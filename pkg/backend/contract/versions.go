package contract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func stateChanged(ctx context.Context, s *Store) error {
	path := s.path("a/terraform.tfstate")
	if err := s.put(ctx, "a/terraform.tfstate", "old"); err != nil {
		return err
	}
	old, err := s.etag(ctx, path)
	if err != nil {
		return err
	}
	if err := s.put(ctx, "a/terraform.tfstate", "new"); err != nil {
		return err
	}
	_, err = s.Bucket.DeleteState(ctx, path, old)
	if _, there := s.etag(ctx, path); there != nil {
		return fmt.Errorf("the delete of the old state (%w) took the new one: %w", orNothing(err), there)
	}
	if _, changed := errors.AsType[*backend.ChangedError](err); !changed {
		return fmt.Errorf("nobody is notified that the state changed: %w", orNothing(err))
	}
	now, err := s.etag(ctx, path)
	if err != nil {
		return err
	}
	if _, err := s.Bucket.DeleteState(ctx, path, now); err != nil {
		return err
	}
	if _, err := s.Bucket.DeleteState(ctx, path, now); !errors.Is(err, backend.ErrGone) {
		return fmt.Errorf("a second delete: %w", orNothing(err))
	}
	return nil
}

func (s *Store) etag(ctx context.Context, path tflock.Path) (string, error) {
	state, err := s.Bucket.ReadState(ctx, path, "")
	if err != nil {
		return "", err
	}
	return state.ETag, state.Close()
}

func versions(ctx context.Context, s *Store) error {
	path := s.path("a/terraform.tfstate")
	if versioned, err := s.Bucket.Versioned(ctx); err != nil || !versioned {
		return fmt.Errorf("the bucket keeps no versions: %w", orNothing(err))
	}
	first, err := s.Bucket.WriteState(ctx, path, []byte("one"), backend.Encryption{})
	if err != nil {
		return err
	}
	etag, err := s.etag(ctx, path)
	if err != nil {
		return err
	}
	deleted, err := s.Bucket.DeleteState(ctx, path, etag)
	if err != nil {
		return err
	}
	if last, current, err := s.Bucket.LastVersion(ctx, path); err != nil || last != first || current || deleted.Marker == "" {
		return fmt.Errorf("the last version is %q (current: %v, %w), the marker %q, the version that was written %q", last, current, orNothing(err), deleted.Marker, first)
	}
	if err := s.reads(ctx, path, first, "one"); err != nil {
		return err
	}
	second, err := s.Bucket.WriteState(ctx, path, []byte("one"), backend.Encryption{})
	if err != nil {
		return fmt.Errorf("written back: %w", err)
	}
	history, err := s.Bucket.History(ctx, path, "")
	if err != nil {
		return err
	}
	var ids []string
	for _, v := range history {
		ids = append(ids, v.ID)
	}
	if want := []string{second, deleted.Marker, first}; !slices.Equal(ids, want) || !history[0].Latest || !history[1].Marker {
		return fmt.Errorf("the history is %+v, want %q", history, want)
	}
	return nil
}

// reads says what is wrong if a version of a state has not these bytes.
func (s *Store) reads(ctx context.Context, path tflock.Path, version, want string) error {
	state, err := s.Bucket.ReadState(ctx, path, version)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(state)
	if err == nil && string(got) != want {
		err = fmt.Errorf("version %q reads %q", version, got)
	}
	return errors.Join(err, state.Close())
}

func stateExists(ctx context.Context, s *Store) error {
	path := s.path("a/terraform.tfstate")
	if err := s.put(ctx, "a/terraform.tfstate", "theirs"); err != nil {
		return err
	}
	if _, err := s.Bucket.WriteState(ctx, path, []byte("ours"), backend.Encryption{}); !errors.Is(err, backend.ErrExists) {
		return fmt.Errorf("a state was written over another: %w", orNothing(err))
	}
	if err := s.reads(ctx, path, "", "theirs"); err != nil {
		return err
	}
	if _, err := s.Bucket.WriteState(ctx, path, []byte("theirs"), backend.Encryption{}); err != nil {
		return fmt.Errorf("a write that is repeated: %w", err)
	}
	return nil
}

// stateReplaced is what restore_version relies on.
func stateReplaced(ctx context.Context, s *Store) error {
	path := s.path("a/terraform.tfstate")
	if err := s.put(ctx, "a/terraform.tfstate", "one"); err != nil {
		return err
	}
	one, err := s.etag(ctx, path)
	if err != nil {
		return err
	}
	if _, err := s.Bucket.ReplaceState(ctx, path, []byte("two"), one, backend.Encryption{}); err != nil {
		return fmt.Errorf("the state that was read could not be written over: %w", err)
	}
	_, err = s.Bucket.ReplaceState(ctx, path, []byte("three"), one, backend.Encryption{})
	if read := s.reads(ctx, path, "", "two"); read != nil {
		return fmt.Errorf("a state that changed was written over: %w", read)
	}
	if _, changed := errors.AsType[*backend.ChangedError](err); !changed {
		return fmt.Errorf("nobody is notified that the state changed: %w", orNothing(err))
	}
	if _, err := s.Bucket.ReplaceState(ctx, s.path("none"), []byte("three"), one, backend.Encryption{}); !errors.Is(err, backend.ErrGone) {
		return fmt.Errorf("a write over what there is not: %w", orNothing(err))
	}
	return nil
}
