package prune

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// maxRestored bounds what is held in memory: S3 needs the size and the hash of what is
// written. A pruned state has a few hundred bytes.
const maxRestored = 64 << 20

// oldState is a version of a state that may be brought back.
type oldState struct {
	versionID  string
	content    []byte
	contents   tfstate.Summary
	encryption backend.Encryption
}

// lastVersion reads what to bring back. It returns nil where there is nothing, and has
// answered then.
func lastVersion(ctx context.Context, b *backend.Bucket, a *Answer) (*oldState, error) {
	versionID, err := findVersion(ctx, b, a)
	if err != nil || versionID == "" {
		return nil, err
	}
	return readVersion(ctx, b, a, versionID)
}

// findVersion finds the version to bring back. Without one it has answered.
func findVersion(ctx context.Context, b *backend.Bucket, a *Answer) (versionID string, err error) {
	versionID, current, err := b.LastVersion(ctx, a.Path)
	switch {
	case errors.Is(err, backend.ErrGone):
		a.Outcome, a.Message = NotFound, fmt.Sprintf("The bucket has no version of %s: it was never there, its versions have expired, or the path is misspelt.", plain.Quoted(a.Path))
		return "", nil
	case current:
		a.refuse("there is a state at %s. Move it away first if an older version is to replace it.", plain.Quoted(a.Path))
		return "", nil
	}
	return versionID, err
}

// readVersion reads one version, and no more of it than to where it shows that it is no
// state. It returns nil where it cannot be brought back, and has answered then.
func readVersion(ctx context.Context, b *backend.Bucket, a *Answer, versionID string) (*oldState, error) {
	body, err := b.ReadState(ctx, a.Path, versionID)
	if sealed, ok := errors.AsType[*backend.SealedError](err); ok {
		a.refuse("version %s of %s cannot be read: %s.", versionID, plain.Quoted(a.Path), sealed)
		return nil, nil //nolint:nilnil // answered
	}
	if err != nil {
		return nil, fmt.Errorf("version %s of %s: %w", versionID, plain.Quoted(a.Path), err)
	}
	defer body.Close() //nolint:errcheck // nothing is lost with a body that was read
	if body.Size > maxRestored {
		a.refuse("version %s of %s has %d MB, which is too large for this function. Copy that version onto the key with the AWS CLI (s3api copy-object).%s", versionID, plain.Quoted(a.Path), body.Size>>20, plain.ShellWarning(a.Path))
		return nil, nil //nolint:nilnil // answered
	}
	if body.VersionID != versionID {
		return nil, fmt.Errorf("version %s of %s was asked for, and something else came (version %q): nothing was written", versionID, plain.Quoted(a.Path), body.VersionID)
	}
	var content bytes.Buffer
	contents, err := tfstate.Verify(io.TeeReader(body, &content))
	if err != nil {
		return nil, fmt.Errorf("version %s of %s: %w", versionID, plain.Quoted(a.Path), err)
	}
	if !contents.State {
		why := contents.Why
		if why == "" {
			why = "it is not of a known format"
		}
		a.refuse("version %s of %s is not a Terraform or OpenTofu state (%s), and only states are brought back. Copy that version onto the key with the AWS CLI if you want it (s3api copy-object).%s", versionID, plain.Quoted(a.Path), why, plain.ShellWarning(a.Path))
		return nil, nil //nolint:nilnil // answered
	}
	return &oldState{versionID: versionID, content: content.Bytes(), contents: contents, encryption: body.Encryption}, nil
}
