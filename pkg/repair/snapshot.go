package repair

import (
	"context"
	"crypto/md5" //nolint:gosec // the clients' own digest is MD5
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// snapshot is a state with its digests, as they were read.
type snapshot struct {
	exists     bool
	sealed     string // why the bytes cannot be read
	etag, md5  string
	versionID  string
	contents   tfstate.Summary
	encryption backend.Encryption
	rows       []ledger.DigestRow
	others     []ledger.DigestRow // under the names of access points, and not the MD5 of the state: it may be in another bucket
}

// read reads the state and every digest that a watched table has of it. One under the name of an access point is of it where it is its MD5:
// which bucket is behind that name is not known.
func read(ctx context.Context, stores backend.Set, b *backend.Bucket, locks *statelock.Locker, path tflock.Path) (snapshot, error) {
	var s snapshot
	for _, t := range stores.Tables {
		for _, name := range locks.Names(path) {
			value, err := t.Digest(ctx, name)
			if err != nil {
				return s, err
			}
			if value != "" {
				s.rows = append(s.rows, ledger.DigestRow{Table: t.ARN(), Name: name, Value: value})
			}
		}
	}
	if err := s.readState(ctx, b, path); err != nil {
		return s, err
	}
	return s, s.readBehind(ctx, stores, locks.DigestNames(path))
}

// readBehind reads the digests under the names of access points.
func (s *snapshot) readBehind(ctx context.Context, stores backend.Set, names []tflock.Path) error {
	for _, t := range stores.Tables {
		for _, name := range names {
			value, err := t.Digest(ctx, name)
			switch row := (ledger.DigestRow{Table: t.ARN(), Name: name, Value: value}); {
			case err != nil:
				return err
			case value == "":
			case value == s.md5:
				s.rows = append(s.rows, row)
			default:
				s.others = append(s.others, row)
			}
		}
	}
	return nil
}

// othersSteps says what to do about digests that may be of this state, which has this MD5 in the end, and are not right if they are.
func (s snapshot) othersSteps(md5 string) []string {
	steps := []string{}
	for _, row := range s.others {
		if row.Value == md5 {
			continue
		}
		steps = append(steps, fmt.Sprintf("%s has the digest %s of %s. If that access point leads to this bucket, its clients fail with it: delete the row %s then, and they only warn.", row.Table, plain.Quoted(backend.BoundedDigest(row.Value)), plain.Quoted(row.Name), plain.Quoted(row.Name+tflock.DigestSuffix))+plain.ShellWarning(row.Name))
	}
	return steps
}

func (s *snapshot) readState(ctx context.Context, b *backend.Bucket, path tflock.Path) error {
	body, err := b.ReadState(ctx, path, "")
	if sealed, ok := errors.AsType[*backend.SealedError](err); ok {
		s.exists, s.sealed = true, sealed.Error()
		return nil
	}
	if errors.Is(err, backend.ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // nothing is lost with a body that was read
	sum := md5.New()   //nolint:gosec // the clients' own digest is MD5
	if s.contents, err = tfstate.Read(io.TeeReader(body, sum)); err != nil {
		return err
	}
	s.exists, s.etag, s.versionID, s.encryption = true, body.ETag, body.VersionID, body.Encryption
	s.md5 = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// facts are what people are shown of it. A row under another name of the state stands
// beside that of its own.
func (s snapshot) facts(path tflock.Path) policy.StateAndDigests {
	f := policy.StateAndDigests{Digests: map[string]string{}, StateMD5: s.md5, VersionID: s.versionID}
	for _, row := range s.rows {
		name := row.Table
		if row.Name != path {
			name += " " + string(row.Name)
		}
		f.Digests[name] = row.Value
	}
	if s.contents.State {
		f.Serial = &s.contents.Serial
	}
	return f
}

func (s snapshot) digests() []string {
	all := make([]string, 0, len(s.rows))
	for _, row := range s.rows {
		all = append(all, row.Value)
	}
	return all
}

// same reports whether nothing was written between two readings.
func (s snapshot) same(other snapshot) bool {
	return s.exists == other.exists && s.sealed == other.sealed && s.etag == other.etag && s.md5 == other.md5 && slices.Equal(s.rows, other.rows)
}
