package local

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Team is people who work on the states of a stack's own backend, each in a folder of its own,
// until End.
type Team struct {
	*Stack
	Client Client // of whoever is not given another
	dir    string
	alive  []*Run
}

// Team makes one.
func (s *Stack) Team(c Client) (*Team, error) {
	dir, err := os.MkdirTemp("", "lockwarden-team-")
	return &Team{Stack: s, Client: c, dir: dir}, err
}

// End kills who is at work, and removes the folders.
func (t *Team) End() {
	for _, run := range t.alive {
		_ = run.Kill() // one that came to its end is gone already
	}
	_ = os.RemoveAll(t.dir)
}

// folder makes an empty one for a state's configuration.
func (t *Team) folder(key string) (string, error) {
	dir := filepath.Join(t.dir, strings.ReplaceAll(key, "/", "-"))
	return dir, os.Mkdir(dir, 0o700)
}

// Run makes the workspace of a state, and runs these commands in it, such as apply and destroy.
func (t *Team) Run(ctx context.Context, key string, mode Mode, commands ...string) (*Workspace, error) {
	dir, err := t.folder(key)
	if err != nil {
		return nil, err
	}
	w, err := t.Workspace(ctx, t.Client, dir, key, mode)
	for _, command := range commands {
		if err == nil {
			_, err = w.Run(ctx, command, "-auto-approve")
		}
	}
	return w, err
}

// Hold starts an apply that lives until the team ends, or is killed.
func (t *Team) Hold(ctx context.Context, key string, mode Mode) (*Workspace, *Run, error) {
	dir, err := t.folder(key)
	if err != nil {
		return nil, nil, err
	}
	w, run, err := t.Stack.Hold(ctx, t.Client, dir, key, mode, TenMinutes)
	if err == nil {
		t.alive = append(t.alive, run)
	}
	return w, run, err
}

// Kill ends an apply as a machine that dies does.
func (t *Team) Kill(run *Run) error {
	t.alive = slices.DeleteFunc(t.alive, func(r *Run) bool { return r == run })
	return run.Kill()
}

// Leave has a client take a lock and die of kill -9.
func (t *Team) Leave(ctx context.Context, c Client, key string, mode Mode) (*Workspace, error) {
	dir, err := t.folder(key)
	if err != nil {
		return nil, err
	}
	return t.Stack.Leave(ctx, c, dir, key, mode)
}

// Undigested applies once more on a state that is locked in the table: on another runner, whose role
// may not write the digest.
func (t *Team) Undigested(ctx context.Context, key string) error {
	denied, stop, err := t.AWS().DigestsDenied()
	if err != nil {
		return err
	}
	defer stop()
	dir, err := t.folder("another-runner")
	if err != nil {
		return err
	}
	w, err := denied.Workspace(ctx, t.Client, dir, t.Outputs["StateBucketName"], t.Outputs["LockTableName"], key, ByTable)
	if err != nil {
		return err
	}
	_, err = w.Run(ctx, "apply", "-auto-approve", "-var=seconds=1")
	return err
}
