package prune

import (
	"context"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
)

// digests are what the tables said of some states before those were looked at.
type digests struct {
	at  time.Time                            // before they were read
	of  map[*backend.Table]map[string]string // by path
	err map[*backend.Table]error             // why they are not known
}

// readDigests asks each table for the digests of all these states at once.
func (r *run) readDigests(ctx context.Context, paths []string) digests {
	d := digests{at: r.now(), of: map[*backend.Table]map[string]string{}, err: map[*backend.Table]error{}}
	if r.blind != "" {
		return d // nothing is deleted, so that nobody will ask
	}
	for _, t := range r.Stores.Tables {
		d.of[t], d.err[t] = t.Digests(ctx, paths)
	}
	return d
}

// digest is what the table says of the state now. Clients write a digest after the
// state, so one that was read before, or within the clocks' difference, says nothing: it
// is read again.
func (s *state) digest(ctx context.Context, t *backend.Table) (string, error) {
	if s.LastModified.After(s.digests.at.Add(-skew)) {
		return t.Digest(ctx, s.Path)
	}
	return s.digests.of[t][s.Path], s.digests.err[t]
}
