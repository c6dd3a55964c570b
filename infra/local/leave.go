package local

import (
	"context"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Workspace is an initialised working directory for a state in the stack's own
// backend. dir must be an empty folder.
func (s *Stack) Workspace(ctx context.Context, c Client, dir, key string, mode Mode) (*Workspace, error) {
	return s.aws.Workspace(ctx, c, dir, s.Outputs["StateBucketName"], s.Outputs["LockTableName"], key, mode)
}

// Hold starts an apply on a state in the stack's own backend, and waits until its
// lock is wherever the mode puts it. dir must be an empty folder; args say how long it
// holds.
func (s *Stack) Hold(ctx context.Context, c Client, dir, key string, mode Mode, args []string) (*Workspace, *Run, error) {
	w, err := s.Workspace(ctx, c, dir, key, mode)
	if err != nil {
		return nil, nil, err
	}
	tables, buckets := s.Watched()
	set, err := backend.Open(s.aws.Config(), tables[:1], buckets[:1]) // the stack's own come first
	if err != nil {
		return nil, nil, err
	}
	run, err := w.Hold(ctx, args, Held(ctx, set, tflock.NewPath(s.Outputs["StateBucketName"], key), mode))
	return w, run, err
}

// Held returns a question: whether the lock of a state is now wherever the mode puts it, and nowhere else.
func Held(ctx context.Context, set backend.Set, path tflock.Path, mode Mode) func() bool {
	return func() bool {
		_, row, tableErr := set.Tables[0].Find(ctx, path)
		_, object, bucketErr := set.Buckets[0].Find(ctx, path)
		return tableErr == nil && bucketErr == nil && row == (mode != ByFile) && object == (mode != ByTable)
	}
}

// Leave has a client take a lock and die of kill -9.
func (s *Stack) Leave(ctx context.Context, c Client, dir, key string, mode Mode) (*Workspace, error) {
	w, run, err := s.Hold(ctx, c, dir, key, mode, TenMinutes)
	if err != nil {
		return nil, err
	}
	return w, run.Kill()
}
