package prune

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// What our own locks say of themselves, in the fields that clients show.
const (
	who              = "lockwarden-prune@lambda"
	operationPrune   = "lockwarden-prune"
	operationRestore = "lockwarden-restore"
)

// note is what our locks carry in Info, so that a later run knows a leftover.
type note struct {
	Request  string    `json:"request_id"`
	Deadline time.Time `json:"deadline"` // its invocation is dead by then
}

const (
	// lifetime is the longest that a Lambda lives, for when the deadline is not known.
	lifetime = 15 * time.Minute
	// skew is how far the clocks of two invocations may differ.
	skew = time.Minute
	// repeatWait is less than the minute that Lambda waits before it repeats a request. What
	// the same request did later than that is at work now: Lambda delivers some twice.
	repeatWait = 30 * time.Second
	// patience bounds how long a release is tried, even when the run was cancelled.
	patience = 20 * time.Second
)

// locker takes the locks of states as a client would, in every place where a client
// could look for one: nothing pairs a bucket with a table.
type locker struct {
	stores backend.Set
	note   note
	owner  string // unique to this run, where a request's ID may be another's too
	now    func() time.Time
}

func newLocker(ctx context.Context, stores backend.Set, requestID string, started time.Time, now func() time.Time) *locker {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		deadline = started.Add(lifetime)
	}
	return &locker{stores: stores, note: note{requestID, deadline.UTC().Truncate(time.Second)}, owner: rand.Text(), now: now}
}

// held is the lock of a state while we have it.
type held struct {
	path     string
	raw      []byte
	holdings []tflock.Holding // in the order in which they were taken
}

// acquire takes the lock of a state: S3 first, then DynamoDB, as Terraform does. Our
// own leftovers are cleared on the way. by says who holds it when somebody else does;
// nothing of ours is left then.
func (l *locker) acquire(ctx context.Context, b *backend.Bucket, path, operation string) (h *held, by string, err error) {
	h = &held{path: path}
	if h.raw, err = l.sign(path, operation); err != nil {
		return nil, "", err
	}
	for _, s := range l.storesOf(b) {
		holding, err := s.Acquire(ctx, path, h.raw)
		if other, isHeld := errors.AsType[*backend.HeldError](err); isHeld && other.By != nil && l.leftover(*other.By) {
			if err := l.clear(ctx, b, *other.By); err != nil {
				return nil, "", errors.Join(err, l.release(ctx, h))
			}
			holding, err = s.Acquire(ctx, path, h.raw)
		}
		if err == nil {
			h.holdings = append(h.holdings, holding)
			continue
		}
		if other, isHeld := errors.AsType[*backend.HeldError](err); isHeld {
			return nil, holder(other.By), l.release(ctx, h)
		}
		if at, ok := errors.AsType[*backend.Error](err); !ok || !at.Refused() {
			err = errors.Join(err, l.perhaps(ctx, s, h))
		}
		return nil, "", errors.Join(err, l.release(ctx, h))
	}
	return h, "", nil
}

// perhaps adds what a failed acquire may have left, since its answer may have been lost.
func (l *locker) perhaps(ctx context.Context, s backend.Store, h *held) error {
	if _, isTable := s.(*backend.Table); isTable { // its release needs nothing but the bytes
		h.holdings = append(h.holdings, tflock.Holding{Kind: tflock.DynamoDB, Store: s.ARN(), Path: h.path, Raw: string(h.raw)})
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	found, ok, err := s.Find(ctx, h.path)
	if err != nil {
		return &leftError{h.path, err}
	}
	if ok && found.Raw == string(h.raw) {
		h.holdings = append(h.holdings, found)
	}
	return nil
}

// release gives the lock back: the rows, then the object, as long as every row went.
func (l *locker) release(ctx context.Context, h *held) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var errs []error
	for _, holding := range slices.Backward(h.holdings) {
		if holding.Kind == tflock.S3 && len(errs) > 0 {
			break
		}
		if err := l.remove(ctx, holding); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return &leftError{h.path, errors.Join(errs...)}
	}
	return nil
}

// ours says whether the lock is still there: a client may have force-unlocked it, or a
// second delivery of the same event taken it for a leftover.
func (l *locker) ours(ctx context.Context, b *backend.Bucket, h *held) (bool, error) {
	now, found, err := b.Find(ctx, h.path)
	return found && now.Raw == string(h.raw), err
}

// leftError says that a lock of ours was left behind.
type leftError struct {
	path string
	err  error
}

func (e *leftError) Error() string {
	return fmt.Sprintf("Lockwarden's own lock on %s could not be released, and the next run will clear it: %v", e.path, e.err)
}

func (e *leftError) Unwrap() error { return e.err }

// remove deletes one holding. That it is gone, or another one by now, is as good.
func (l *locker) remove(ctx context.Context, h tflock.Holding) error {
	for _, s := range l.stores.All() {
		if s.ARN() != h.Store {
			continue
		}
		err := s.Release(ctx, h)
		if _, changed := errors.AsType[*backend.ChangedError](err); err != nil && !changed && !errors.Is(err, backend.ErrGone) {
			return err
		}
	}
	return nil
}

// clear removes a leftover of ours wherever it lies: rows first, then the object.
func (l *locker) clear(ctx context.Context, b *backend.Bucket, left tflock.Holding) error {
	for _, s := range slices.Backward(l.storesOf(b)) {
		found, ok, err := s.Find(ctx, left.Path)
		if err == nil && ok && found.Raw == left.Raw {
			err = l.remove(ctx, found)
		}
		if err != nil {
			return &leftError{left.Path, err}
		}
	}
	return nil
}

// leftover says whether a lock is one of ours whose invocation is dead: of this same
// request, which Lambda repeats after a crash, or past its deadline.
func (l *locker) leftover(h tflock.Holding) bool {
	if h.Err != nil || h.Info.Who != who || (h.Info.Operation != operationPrune && h.Info.Operation != operationRestore) {
		return false
	}
	var n note
	if json.Unmarshal([]byte(h.Info.Info), &n) != nil || n.Deadline.IsZero() {
		return false
	}
	return l.repeats(n.Request, h.Info.Created) || l.now().After(n.Deadline.Add(skew))
}

// repeats says whether we are Lambda's repeat of the request that did something at that
// time, so that it is dead.
func (l *locker) repeats(request string, at time.Time) bool {
	return request != "" && request == l.note.Request && !l.now().Before(at.Add(repeatWait))
}

// sign makes the bytes of a lock: what Go's encoding/json gives for a client's own
// struct, so that Terraform and OpenTofu show it and can unlock it.
func (l *locker) sign(path, operation string) ([]byte, error) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	info, err := json.Marshal(l.note)
	if err != nil {
		return nil, fmt.Errorf("lock on %s: %w", path, err)
	}
	lock := tflock.Info{
		ID:        fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]),
		Operation: operation, Info: string(info), Who: who, Version: "lockwarden", Created: l.now().UTC(), Path: path,
	}
	return lock.Marshal()
}

// storesOf are the places where a state of that bucket can be locked, in Terraform's
// order.
func (l *locker) storesOf(b *backend.Bucket) []backend.Store {
	stores := []backend.Store{b}
	for _, t := range l.stores.Tables {
		stores = append(stores, t)
	}
	return stores
}

// holder says in words who has a lock.
func holder(h *tflock.Holding) string {
	switch {
	case h == nil:
		return "it was locked a moment ago"
	case h.Err != nil:
		return "it is locked by something that nobody can read: " + h.Err.Error()
	}
	return fmt.Sprintf("%.100s holds a lock on it (%.60s, ID %.60s)", h.Info.Who, h.Info.Operation, h.Info.ID)
}
