package prune

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// handler takes one stale state from its listing to its fate.
type handler struct {
	inspect *inspector
	remove  *remover // nil: nothing is deleted
	tally   *tally
	log     *slog.Logger
}

// handle examines one state, deletes it if that is allowed, and counts and logs its fate: none yet with errNoTime.
func (h *handler) handle(ctx context.Context, c candidate, known digests) error {
	s := newInspection(c, known)
	err := h.examine(ctx, s)
	if errors.Is(err, errNoTime) {
		return err
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", plain.Quoted(s.stale.Path), err)
		if s.stale.Fate == policy.Kept && s.stale.Reason == "" && s.stale.ManagedObjects > 0 {
			s.keep(policy.KeptHasResources, "it manages resources; not everything else could be looked at")
		}
	}
	switch {
	case err != nil:
		h.log.ErrorContext(ctx, "state could not be handled", "path", s.stale.Path, "error", err)
	case s.stale.Abandoned():
		h.log.WarnContext(ctx, "stale state still manages infrastructure", "state", s.stale)
	default:
		h.log.InfoContext(ctx, "stale state", "state", s.stale)
	}
	h.tally.add(c.number, s.stale, err)
	return err
}

// examine judges one stale state and, if it is certainly empty, has it deleted. After an
// error nothing more is known of the state; it was then not deleted, or the ledger has it
// on record.
func (h *handler) examine(ctx context.Context, s *inspection) error {
	ok, err := h.inspect.inspect(ctx, s)
	if err != nil {
		return err
	}
	ok = ok && h.inspect.lookAtStores(ctx, s)
	if ok && h.remove != nil {
		return h.remove.remove(ctx, s)
	}
	if !ok && (s.stale.Reason == policy.KeptProtected || s.stale.Reason == policy.KeptUnversioned || s.stale.Reason == policy.KeptLocked) {
		return nil // whoever holds a lock on it, it stays for that
	}
	if ok, err = h.inspect.lookForLocks(ctx, s); ok {
		s.stale.Fate = policy.WouldPrune
	}
	return err
}
