package unlock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Outcome is what became of a request.
type Outcome string

// The outcomes.
const (
	Released     Outcome = "released"
	WouldRelease Outcome = "would_release"
	Refused      Outcome = "refused"   // it may be alive; force overrides
	NotFound     Outcome = "not_found" // no such lock: released already, or never here
	Changed      Outcome = "changed"   // another lock is there now, and was not touched
	Ambiguous    Outcome = "ambiguous" // the ID is on several states
	Partial      Outcome = "partial"   // one half failed; safe to repeat
)

// Answer is what the caller gets.
type Answer struct {
	Outcome   Outcome         `json:"outcome"`
	Message   string          `json:"message"` // for a tired person at night
	Lock      *policy.Finding `json:"lock"`
	Released  []tflock.Kind   `json:"released"` // the halves that went
	NextSteps []string        `json:"next_steps"`
}

type records interface {
	Recall(ctx context.Context) (ledger.Memory, error)
	Write(ctx context.Context, key ledger.Key, r ledger.Release) error
	Untold(ctx context.Context, id string) (map[ledger.Key][]ledger.Release, error)
}

type publisher interface {
	Publish(ctx context.Context, e alert.Event) error
}

type meter interface {
	CountReleased(ctx context.Context, n int, at time.Time) error
}

// Unlocker releases locks in the watched stores.
type Unlocker struct {
	Stores     backend.Set
	Ledger     records
	Composer   alert.Composer
	Topic      publisher
	Meter      meter
	Thresholds policy.Thresholds
	Guard      time.Duration // a lock younger, or a state written within it, is refused
	Now        func() time.Time
	Log        *slog.Logger
}

// Run answers a request. It fails, with nothing released, when a store or the ledger
// could not be asked and so a safe decision was not possible.
func (u *Unlocker) Run(ctx context.Context, r Request, requestID string) (Answer, error) {
	locks, unread, err := u.find(ctx, r.lock)
	if err != nil {
		return Answer{}, err
	}
	named, others := pick(locks, r.lock)
	switch {
	case len(named) > 1:
		return ambiguous(named), nil
	case len(named) == 0 && len(unread) > 0:
		return Answer{}, fmt.Errorf("the lock was not found, but not everything could be read; nothing was released: %w", errors.Join(unread...))
	case len(named) == 0 && len(others) > 0:
		return changed(nil, others[0].ID), u.finish(ctx, r)
	case len(named) == 0:
		return notFound(r.lock), u.finish(ctx, r)
	}
	l := named[0]
	unread = concerning(l, locks, unread)

	memory, err := u.Ledger.Recall(ctx)
	if err != nil {
		return Answer{}, fmt.Errorf("nothing was released: without the ledger there is no record of it: %w", err)
	}
	now := u.Now()
	seen := memory.Sighting(l, func(string) bool { return len(unread) > 0 })
	j := policy.Judge(l, seen, u.Thresholds, now)
	state, watched := u.state(ctx, l.Path)
	f := policy.NewFinding(l, j, policy.Weigh(l, j, seen, state, u.Guard, now))
	may, why := policy.MayRelease(j, state, watched, u.Guard, now)
	record := ledger.Release{
		At: now, Reason: r.Reason, RequestedBy: r.RequestedBy, Forced: r.Force && !may, Request: requestID, Held: contents(l), Finding: f,
	}
	switch {
	case !may && !r.Force:
		return u.refuse(ctx, r, f, record, why)
	case r.DryRun:
		return Answer{
			Outcome: WouldRelease, Lock: &f, Released: []tflock.Kind{}, NextSteps: []string{"Repeat it without dry_run, and with a reason."},
			Message: fmt.Sprintf("Nothing was touched. The lock of %s on %s would be released: %s.", or(f.Who, "somebody unknown"), f.Path, why),
		}, nil
	}
	return u.release(ctx, l, f, record, unread)
}

// refuse records and tells that a lock was kept, unless it was only asked about.
func (u *Unlocker) refuse(ctx context.Context, r Request, f policy.Finding, record ledger.Release, why string) (Answer, error) {
	a := Answer{
		Outcome: Refused, Lock: &f, Released: []tflock.Kind{},
		Message: fmt.Sprintf("Not released: %s. Releasing a live lock gives the state two writers.", why),
		NextSteps: []string{
			"Find out whether the run is alive: look at its CI job, or ask " + or(f.Who, "its holder") + ".",
			fmt.Sprintf("If it is dead, wait %s and repeat, or repeat now with \"force\": true and the reason.", policy.Words(u.Guard)),
		},
	}
	if r.DryRun {
		return a, nil
	}
	record.Outcome = string(Refused)
	u.Log.WarnContext(ctx, "lock kept", "path", f.Path, "lock_id", f.ID, "why", why, "record", record)
	err := u.Topic.Publish(ctx, u.Composer.Kept(f, record.RequestedBy, why, record.At))
	record.Told = err == nil
	return a, errors.Join(err, u.Ledger.Write(ctx, ledger.Key{Path: f.Path, ID: f.ID}, record))
}

// state looks when the state was last written. It is not watched when its bucket is
// none of ours.
func (u *Unlocker) state(ctx context.Context, path string) (state policy.State, watched bool) {
	b := u.Stores.BucketOf(path)
	if b == nil {
		return policy.State{Problem: "its bucket is not watched"}, false
	}
	written, err := b.StateWritten(ctx, path)
	if err != nil {
		return policy.State{Problem: err.Error()}, true
	}
	return policy.State{Written: written}, true
}

func contents(l tflock.Lock) []ledger.Bytes {
	var list []ledger.Bytes
	for _, h := range l.Holdings {
		at := slices.IndexFunc(list, func(b ledger.Bytes) bool { return b.Raw == h.Raw })
		if at < 0 {
			at, list = len(list), append(list, ledger.Bytes{Raw: h.Raw})
		}
		list[at].Stores = append(list[at].Stores, h.Store)
	}
	return list
}

func ambiguous(locks []tflock.Lock) Answer {
	paths := make([]string, len(locks))
	for i, l := range locks {
		paths[i] = l.Path
	}
	return Answer{
		Outcome: Ambiguous, Released: []tflock.Kind{},
		Message:   fmt.Sprintf("Nothing was touched: this ID locks %d states (%s).", len(locks), strings.Join(paths, ", ")),
		NextSteps: []string{"Paste the whole error text as lock_id: its Path line says which state is meant."},
	}
}

func notFound(ref tflock.Reference) Answer {
	where := "any watched table or bucket"
	if ref.Path != "" {
		where = "the state " + ref.Path
	}
	return Answer{
		Outcome: NotFound, Released: []tflock.Kind{},
		Message:   fmt.Sprintf("There is no lock %s on %s: it was released already, or its place is not watched.", ref.ID, where),
		NextSteps: []string{"Run the client's plan again: it either works, or shows the ID of the lock that is there now.", "If it still shows this ID, add its table or bucket to WatchTableArns or WatchBucketArns."},
	}
}

func changed(went []tflock.Kind, winner string) Answer {
	holder := "another lock"
	if winner != "" {
		holder = "lock " + winner
	}
	if went == nil {
		went = []tflock.Kind{}
	}
	return Answer{
		Outcome: Changed, Released: went,
		Message:   fmt.Sprintf("The lock that you named is gone, and %s is there now. That one was not touched.", holder),
		NextSteps: []string{"Somebody else is at work on this state: ask before anything else.", "If that lock is stuck too, name its own ID."},
	}
}
