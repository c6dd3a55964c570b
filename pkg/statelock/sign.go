package statelock

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Operation is what a lock of ours is for, as clients show it.
type Operation string

// The operations.
const (
	Prune   Operation = "lockwarden-prune"
	Restore Operation = "lockwarden-restore"
	Repair  Operation = "lockwarden-repair"
)

// who says which function holds the lock.
func (o Operation) who() string {
	switch o {
	case Prune, Restore:
		return "lockwarden-prune@lambda"
	case Repair:
		return "lockwarden-repair@lambda"
	}
	return ""
}

// isOurs reports whether a lock names one of our functions as its holder.
func isOurs(h tflock.Holding) bool {
	return h.Err == nil && (h.Info.Who == Prune.who() || h.Info.Who == Repair.who())
}

// note is what our locks carry in Info, so that a later run knows a leftover.
type note struct {
	Request  string    `json:"request_id"`
	Deadline time.Time `json:"deadline"` // its invocation is dead by then
}

const (
	// Lifetime is the longest that a Lambda lives, for when the deadline is not known.
	Lifetime = 15 * time.Minute
	// Skew is how far the clocks of two invocations may differ.
	Skew = time.Minute
	// repeatWait is less than the minute that Lambda waits before it repeats a request. What
	// the same request did later than that is working now: Lambda delivers some twice.
	repeatWait = 30 * time.Second
)

// New makes the locker of one invocation, which dies at the context's deadline.
func New(ctx context.Context, stores backend.Set, aliases backend.Aliases, requestID string, started time.Time, now func() time.Time) *Locker {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		deadline = started.Add(Lifetime)
	}
	return &Locker{Owner: rand.Text(), Request: requestID, Deadline: deadline.UTC().Truncate(time.Second), Now: now, stores: stores, aliases: aliases}
}

// sign makes the bytes of a lock: what Go's encoding/json gives for a client's own
// struct, so that Terraform and OpenTofu show it and can unlock it.
func (l *Locker) sign(path tflock.Path, operation Operation) ([]byte, error) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	info, err := json.Marshal(note{l.Request, l.Deadline})
	if err != nil {
		return nil, fmt.Errorf("lock on %s: %w", path, err)
	}
	lock := tflock.Info{
		ID:        fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]),
		Operation: string(operation), Info: string(info), Who: operation.who(), Version: "lockwarden", Created: l.Now().UTC(), Path: string(path),
	}
	return lock.Marshal()
}

// Leftover reports whether a lock is one of ours whose invocation is dead: of this same
// request, which Lambda repeats after a crash, or past its deadline.
func (l *Locker) Leftover(h tflock.Holding) bool {
	switch operation := Operation(h.Info.Operation); operation {
	case Prune, Restore, Repair:
		if h.Err != nil || h.Info.Who != operation.who() {
			return false
		}
	default:
		return false
	}
	var n note
	if json.Unmarshal([]byte(h.Info.Info), &n) != nil || n.Deadline.IsZero() {
		return false
	}
	return l.Repeats(n.Request, h.Info.Created) || l.Now().After(n.Deadline.Add(Skew))
}

// Repeats reports whether we are Lambda's repeat of the request that did something at that
// time, so that it is dead.
func (l *Locker) Repeats(request string, at time.Time) bool {
	return request != "" && request == l.Request && !l.Now().Before(at.Add(repeatWait))
}
