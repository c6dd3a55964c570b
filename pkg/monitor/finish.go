package monitor

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// releases finishes what the unlock function could not: an invocation died, an answer was
// lost, or the topic was down.
type releases interface {
	Finish(ctx context.Context, id string, until time.Time, look ledger.FateOf) ([]ledger.Recorded, error)
}

const (
	// releaseTime is how long a release may take, by the timeout of the unlock function.
	releaseTime = 2 * time.Minute
	// finishTime bounds what the releases take of the invocation's time.
	finishTime = 15 * time.Second
)

// finish finishes the releases whose end the scan shows.
func (m *Monitor) finish(ctx context.Context, found *scan.Scan) error {
	if m.Releases == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, finishTime)
	defer cancel()
	_, err := m.Releases.Finish(ctx, "", found.Started.Add(-releaseTime), func(_ context.Context, store string, one ledger.Recorded) (ledger.HalfFate, string, error) {
		return endIn(found, store, one)
	})
	return err
}

// endIn says how a half of a lock ended, by what a scan saw in its store.
func endIn(found *scan.Scan, store string, one ledger.Recorded) (ledger.HalfFate, string, error) {
	waits := one.Waits(found.Started)
	switch watched := slices.Contains(found.Watched, store); {
	case found.Unread(one.Key.Path, store), !watched && !found.Complete():
		if !waits {
			return ledger.HalfUnknown, store + " could not be read since", nil
		}
		return "", "", errors.New(store + " could not be read, so whether a lock was released from it is not known yet")
	case found.Disappeared(store):
		return ledger.HalfGone, "", nil // with its store
	case !watched:
		return ledger.HalfUnknown, ledger.NotWatched(store), nil
	}
	if l, there := one.Key.In(found); there && l.HeldIn(store) {
		return ledger.HalfKept, "", nil
	}
	for _, l := range found.On(one.Key.Path) {
		if h := l.Holdings[0]; h.Store == store && h.Sealed() {
			if backend.MayBeReadLater(h) && waits {
				return "", "", nil
			}
			return ledger.HalfUnknown, ledger.NotReadable(store, h.Err), nil
		}
	}
	return ledger.HalfGone, "", nil
}
