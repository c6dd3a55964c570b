package prune

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// handler takes stale states from their listing to their fate.
type handler struct {
	inspect *inspector
	remove  *remover // nil: nothing is deleted
	digests *digestReader
	tally   *tally
	pass    *pass
	log     *slog.Logger
	now     func() time.Time
	stopAt  time.Time
	left    atomic.Bool // there was no time for some
}

// examine judges one stale state. It returns it if it is certainly empty, and to be deleted.
func (h *handler) examine(ctx context.Context, c *candidate, known digests) *inspection {
	s := newInspection(c, known)
	ok, err := h.judge(ctx, s)
	if ok && err == nil && h.remove != nil {
		s.known = digests{}
		return s
	}
	h.end(ctx, s, err)
	return nil
}

// judge reports whether a state may be deleted. After an error nothing more is known of it.
func (h *handler) judge(ctx context.Context, s *inspection) (ok bool, err error) {
	if ok, err = h.inspect.inspect(ctx, s); err != nil {
		return false, err
	}
	ok = ok && h.inspect.lookAtStores(ctx, s)
	if ok && h.remove != nil {
		return true, nil
	}
	if !ok && (s.stale.Reason == policy.KeptProtected || s.stale.Reason == policy.KeptUnversioned || s.stale.Reason == policy.KeptLocked) {
		return false, nil // whoever holds a lock on it, it stays for that
	}
	if ok, err = h.inspect.lookForLocks(ctx, s); ok {
		s.stale.Fate = policy.WouldPrune
	}
	return ok, err
}

// delete deletes one state that may be deleted. After an error the ledger has it on record, or it was not deleted.
func (h *handler) delete(ctx context.Context, s *inspection) {
	h.end(ctx, s, h.remove.remove(ctx, s))
}

// end counts and logs the fate of a state: none yet where there was no time to take its lock.
func (h *handler) end(ctx context.Context, s *inspection, err error) {
	if errors.Is(err, errNoTime) {
		h.left.Store(true)
		return
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
	h.tally.add(s.stale, err)
	switch {
	case s.facts.Read && s.facts.Contents.Condition != tfstate.Empty:
		h.pass.add(s.candidate.number) // also after an error: it is counted
	case err != nil && ctx.Err() != nil: // it was cut off
		h.left.Store(true)
	}
}
