package repair

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the clients' own digest is MD5
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// maxRestored bounds what is held in memory: S3 needs the size and the hash of what is
// written. The largest states that are known have some tens of megabytes.
const maxRestored = 100 << 20

// version is an older version that is to become the newest.
type version struct {
	why        string // it cannot, because
	content    []byte
	md5        string
	encryption backend.Encryption
}

// readVersion reads it, and no more of it than to where it shows that it is not a state.
// An error means that nothing is known of it.
func readVersion(ctx context.Context, b *backend.Bucket, path tflock.Path, id string) (version, error) {
	body, err := b.ReadState(ctx, path, id)
	sealed, isSealed := errors.AsType[*backend.SealedError](err)
	failed, isFailure := errors.AsType[*backend.Error](err)
	switch {
	case errors.Is(err, backend.ErrGone):
		return version{why: "the bucket has no version " + id + " of this state: it has expired, it is misspelt, or it is of another key"}, nil
	case isSealed:
		return version{why: "version " + id + " cannot be read: " + sealed.Error()}, nil
	case isFailure && failed.Refused(): // S3 answers 400 to an ID that is not one of a version, and 405 to a delete marker
		return version{why: "version " + id + " cannot be read: " + failed.Error()}, nil
	case err != nil:
		return version{}, err
	}
	defer body.Close() //nolint:errcheck // nothing is lost with a body that was read
	if body.Size > maxRestored {
		why := fmt.Sprintf("version %s has %d MB, which is too large for this function: copy that version onto the key with the AWS CLI (s3api copy-object), then accept_state.%s", id, body.Size>>20, plain.ShellWarning(path))
		return version{why: strings.TrimSuffix(why, ".")}, nil
	}
	if body.VersionID != id {
		return version{why: fmt.Sprintf("version %s was asked for, and something else came (version %q): the bucket keeps no versions", id, body.VersionID)}, nil
	}
	var content bytes.Buffer
	content.Grow(int(max(0, body.Size))) // in one piece: to grow takes twice as much
	contents, err := tfstate.Verify(io.TeeReader(body, &content))
	if err != nil {
		return version{}, err
	}
	if !contents.State {
		return version{why: "version " + id + " is not a Terraform or OpenTofu state: " + contents.Why}, nil
	}
	sum := md5.Sum(content.Bytes()) //nolint:gosec // the clients' own digest is MD5
	return version{content: content.Bytes(), md5: hex.EncodeToString(sum[:]), encryption: body.Encryption}, nil
}
