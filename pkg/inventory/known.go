package inventory

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// What an earlier run found stays found while the states and digests are the same: nothing is
// read for it again.

// byTable puts the digests of a path in the order in which a finding names them.
func byTable(a, b suspect) int { return bytes.Compare([]byte(a.table.ARN()), []byte(b.table.ARN())) }

// known returns the open finding of these digests of a path, which were the same in an earlier
// run and beside the same state; nil where there is none.
func (r *run) known(path tflock.Path, suspects []suspect) *policy.StateFinding {
	problem := policy.FindingDigestMismatch
	if suspects[0].state == nil {
		problem = policy.FindingDigestOrphan
	}
	f := r.memory.open(policy.StateFinding{Type: problem, Path: path}.Identity())
	first := slices.MinFunc(suspects, byTable)
	if f == nil || f.Evidence.Table != first.table.ARN() || f.Evidence.Digest != first.digest || !slices.Equal(f.Evidence.Rows, otherNames(path, suspects)) {
		return nil
	}
	return f
}

// otherNames are the names by which tables have a state, where they are not its path.
func otherNames(path tflock.Path, suspects []suspect) (names []tflock.Path) {
	for _, s := range suspects {
		if s.row != path {
			names = append(names, s.row)
		}
	}
	return names
}

// knownMismatch returns a mismatch as it is known, unless the state has been written since the
// listing or its version has yet to be looked for.
func (c *confirmation) knownMismatch(ctx context.Context, b *backend.Bucket, still []suspect) (f *policy.StateFinding, written bool, err error) {
	before := c.known(c.path, still)
	if before == nil || (!c.leftover && before.Fix != nil && before.Fix.Action == policy.DeleteDigest) {
		return nil, false, nil
	}
	now, err := b.Stat(ctx, c.path)
	if err != nil && !errors.Is(err, backend.ErrGone) {
		return nil, false, err
	}
	if err != nil || now.ETag != still[0].state.ETag {
		return nil, true, nil
	}
	same := *before
	c.explain(&same, still[0].state.Read)
	return &same, false, nil
}

// knownDuplicate returns a duplicate as it is known; nil where one of the two states changed.
func (r *run) knownDuplicate(p pair) *policy.StateFinding {
	f := policy.StateFinding{Type: policy.FindingDuplicateResource, Path: p.a.Path}
	f.Evidence.Paths = []tflock.Path{p.a.Path, p.b.Path}
	before := r.memory.open(f.Identity())
	if before == nil {
		return nil
	}
	same := *before
	same.Text = strings.TrimSuffix(same.Text, ofTables)
	return &same
}
