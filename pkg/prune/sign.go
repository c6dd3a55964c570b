package prune

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
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
)

func newLocker(ctx context.Context, stores backend.Set, aliases map[string][]string, requestID string, started time.Time, now func() time.Time) *locker {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		deadline = started.Add(lifetime)
	}
	return &locker{stores: stores, aliases: aliases, note: note{requestID, deadline.UTC().Truncate(time.Second)}, owner: rand.Text(), now: now}
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

// record makes the record of a state whose lock we are about to take.
func (l *locker) record(s policy.Stale, restoring bool) ledger.Pruned {
	if !restoring {
		s.Fate = policy.Pruned
	}
	return ledger.Pruned{At: l.now().UTC().Truncate(time.Second), Owner: l.owner, Request: l.note.Request, Until: l.note.Deadline.Add(skew), Restoring: restoring, State: s}
}
