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
	err map[*backend.Table]error             // why not
}

// batchTime is how long a busy table is asked for many digests at once.
const batchTime = 10 * time.Second

// readDigests asks each table for the digests of all these states at once.
func (r *run) readDigests(ctx context.Context, states []candidate) digests {
	ctx, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	paths := make([]string, len(states))
	for i, s := range states {
		paths[i] = s.path
	}
	d := digests{at: r.now(), of: map[*backend.Table]map[string]string{}, err: map[*backend.Table]error{}}
	if r.blind != "" {
		return d // nothing is deleted, so that nobody will ask
	}
	for _, t := range r.Stores.Tables {
		if d.of[t], d.err[t] = t.Digests(ctx, paths); d.err[t] != nil {
			r.Log.WarnContext(ctx, "digests could not be read all at once, so they are read one by one", "error", d.err[t])
		}
	}
	return d
}

// digest is what the table says of the state now. Clients write a digest after the
// state, so one that was read before, or within the clocks' difference, says nothing: it
// is read by itself then, and also where all at once could not be had.
func (s *state) digest(ctx context.Context, t *backend.Table) (string, error) {
	if s.digests.err[t] != nil || s.LastModified.After(s.digests.at.Add(-skew)) {
		return t.Digest(ctx, s.Path)
	}
	return s.digests.of[t][s.Path], nil
}
