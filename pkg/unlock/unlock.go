package unlock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Outcome is the result of a request.
type Outcome string

// The outcomes.
const (
	Released     Outcome = "released"
	WouldRelease Outcome = "would_release"
	Refused      Outcome = "refused"   // not released; Message says why, and NextSteps whether force would release it
	NotFound     Outcome = "not_found" // no such lock: released already, or never here
	Changed      Outcome = "changed"   // another lock is there now, and was not touched
	Ambiguous    Outcome = "ambiguous" // which lock is meant is not clear: its ID is on several states, or not all of the text is understood
	Partial      Outcome = "partial"   // one half failed; safe to repeat
	Kept         Outcome = "kept"      // as was asked: it is not released automatically any more
)

// Answer is what the caller gets.
type Answer struct {
	Outcome   Outcome             `json:"outcome"`
	Message   string              `json:"message"` // for a tired person at night
	Lock      *policy.Description `json:"lock"`
	Released  []tflock.Kind       `json:"released"` // the halves that went
	NextSteps []string            `json:"next_steps"`
}

type memory interface {
	RecallLock(ctx context.Context, key ledger.Key) (ledger.Memory, error)
}

type releases interface {
	unfinished
	LastRelease(ctx context.Context, key ledger.Key) (ledger.Release, bool, error)
}

// witnesses know who took lock objects, from S3's own events: evidence alone.
type witnesses interface {
	AddTo(ctx context.Context, cases []policy.Case) (map[ledger.Object]ledger.Witnessed, error)
}

type publisher interface {
	Publish(ctx context.Context, e alert.Event) error
}

type meter interface {
	CountReleased(ctx context.Context, n int, at time.Time) error
}

// Unlocker releases locks in the watched stores.
type Unlocker struct {
	Stores       backend.Set
	Memory       memory
	Releases     releases
	Witnesses    witnesses // nil: who took a lock is unknown
	Composer     alert.Composer
	Topic        publisher
	Meter        meter
	Rules        policy.Rules
	Runs         *evidence.Runs // nil: nobody is asked about CI runs
	AutoReleases autoReleases
	// SearchTime bounds a search through all stores; 0: 40 seconds.
	SearchTime time.Duration
	// ReplicaTime bounds the wait for a global table's other replicas; 0: 10 seconds.
	ReplicaTime time.Duration
	Now         func() time.Time
	Log         *slog.Logger
}

func (u *Unlocker) finisher() Finisher {
	return Finisher{Releases: u.Releases, Composer: u.Composer, Topic: u.Topic, Meter: u.Meter, Guard: u.Rules.ReleaseGuard, Log: u.Log}
}

// Run answers a request. It fails, with nothing released, when a store or the ledger
// could not be asked and so a safe decision was not possible.
func (u *Unlocker) Run(ctx context.Context, r Request, requestID string) (Answer, error) {
	a, err := u.discovered(ctx).run(ctx, r, requestID)
	a.NextSteps = append(a.NextSteps, shellWarning(a.Lock)...)
	return a, err
}

func (u *Unlocker) run(ctx context.Context, r Request, requestID string) (Answer, error) {
	f := u.find(ctx, r)
	switch {
	case f.named != nil:
		return u.decide(ctx, r, f, requestID)
	case len(f.choices) > 0:
		return ambiguous(f), nil
	case len(f.unreadable) > 0:
		a := u.refuseUnreadable(ctx, r, f, requestID)
		// An earlier call may have released the half that could be read.
		if _, late := u.finishEarlier(ctx, r); late != nil {
			u.Log.WarnContext(ctx, "an earlier release was not finished", "error", late)
		}
		return a, nil
	case len(f.unread) > 0:
		return Answer{}, fmt.Errorf("the lock was not found, but not everything could be read; nothing was released: %w%s", errors.Join(f.unread...), searchless(r))
	case len(f.others) > 0:
		a := Answer{Outcome: Changed, Released: []tflock.Kind{}}
		a.Message, a.NextSteps = anotherLock(f.others[0].ID)
		_, err := u.finishEarlier(ctx, r)
		return a, err
	}
	finished, err := u.finishEarlier(ctx, r)
	a := notFound(r.lock, finished)
	if f.sealed > 0 && len(finished) == 0 {
		a.Message = fmt.Sprintf("No lock that can be read has the ID %s, but %d cannot be read and may be it: give the path of the state as well.", idIn(r.lock.ID), f.sealed)
	}
	return a, err
}

// searchless says how to name a lock so that nothing has to be searched.
func searchless(r Request) string {
	if r.lock.Path != "" {
		return ""
	}
	return "; repeat the call with the path of the state, so that only that state's lock is read"
}

// decide releases the lock that is meant, or refuses.
func (u *Unlocker) decide(ctx context.Context, r Request, f found, requestID string) (Answer, error) {
	l, concerns := *f.named, f.concerns()
	memory, err := u.Memory.RecallLock(ctx, ledger.KeyOf(l))
	if err != nil {
		return Answer{}, fmt.Errorf("nothing was released: without the ledger there is no record of it: %w", err)
	}
	now := u.Now()
	unwatched := u.unwatched(ctx, l, memory)
	if f.forgotten != nil {
		return Answer{}, fmt.Errorf("nothing was released: whether it was released before is not known: %w", f.forgotten)
	}
	c := u.judge(l, memory.Sighting(l, u.unknown(concerns)), f.earlier, now)
	c = u.witnessed(ctx, c)
	c.State = u.state(ctx, l.Path)
	if r.Keep {
		return u.keep(ctx, r, c)
	}
	known := u.askOfRun(ctx, &c)
	described := c.Describe()
	may, why := u.mayRelease(ctx, r, f, c, known)
	if may && r.automatic() && r.elsewhere == nil {
		return u.lookElsewhere(ctx, r, l.Path, requestID)
	}
	steps := slices.Concat(unwatchedSteps(unwatched), u.afterRefusal(described, c))
	unsafe, doubt, silent := u.conditions(ctx, l)
	switch {
	case !may:
	case unsafe != "":
		may, why, steps = false, unsafe, afterUnsafe()
	case doubt != "" && r.automatic(): // nobody is there to weigh it
		may, why = false, "not released automatically: "+doubt
	}
	record := ledger.Release{
		At: now, Reason: r.Reason, RequestedBy: r.RequestedBy, Forced: r.Force && !may, Request: requestID, Held: contents(l), Description: described,
	}
	switch {
	case !may && !r.Force:
		return u.refuse(ctx, r, ledger.KeyOf(l), record, why, steps), nil
	case r.DryRun:
		a := u.wouldRelease(described, may, why)
		a.NextSteps = append(a.NextSteps, unwatchedSteps(unwatched)...)
		return a, nil
	}
	if err := u.alone(ctx, l, f.earlier); err != nil {
		return Answer{}, err
	}
	a, err := u.release(ctx, l, described, record, concerns, unwatched, u.behind(l, f.others, f.earlier, now))
	a.NextSteps = slices.Concat(doubtStep(doubt), a.NextSteps, silentStep(a.Released, silent))
	if err == nil && len(a.Released) > 0 {
		if late := u.finisher().Absorb(ctx, ledger.KeyOf(l), now, u.endOf, unwatched); late != nil {
			u.Log.WarnContext(ctx, "an earlier release was not finished", "error", late)
		}
	}
	return a, err
}

// judge judges a lock by what scans saw of it, and by what an earlier release of it left.
func (u *Unlocker) judge(l tflock.Lock, seen policy.Sighting, earlier ledger.Release, now time.Time) policy.Case {
	c := policy.Case{Lock: l, Seen: seen}
	c.Judge(u.Rules, now)
	if takenAgain(l, earlier, &c.Seen) || c.HeldAtLeast < c.Guard && completeFromRecord(l, earlier, &c.Seen) {
		c.Judge(u.Rules, now)
	}
	return c
}

// alone fails where somebody else's release of the lock came since it was read: other stores, and the questions about the run and the state,
// take seconds, and a client that waited for its own lock may have it again, with the same bytes. One that was under way by then may have ended
// since: its record has another end then, and the same time.
func (u *Unlocker) alone(ctx context.Context, l tflock.Lock, read ledger.Release) error {
	last, _, err := u.Releases.LastRelease(ctx, ledger.KeyOf(l))
	if err != nil {
		return fmt.Errorf("nothing was released: whether it was released meanwhile is not known: %w", err)
	}
	if !last.At.Equal(read.At) || !slices.Equal(last.Halves, read.Halves) {
		return errors.New("nothing was released: another release of the same lock began or ended while this call looked at it; repeat the call, and it says how that ended")
	}
	return nil
}

// unknown says of a store why it is not known whether it still has a half of the lock.
func (u *Unlocker) unknown(concerns []error) func(store string) string {
	return func(store string) string {
		switch {
		case len(concerns) > 0:
			return "not everything on its path could be read"
		case u.isUnwatched(store):
			return ledger.NotWatched(store)
		}
		return ""
	}
}

// witnessTime bounds the look for evidence that a release does not need.
const witnessTime = 5 * time.Second

// witnessed adds who took the lock's object, where that is known.
func (u *Unlocker) witnessed(ctx context.Context, c policy.Case) policy.Case {
	if u.Witnesses == nil {
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, witnessTime)
	defer cancel()
	one := []policy.Case{c}
	if _, err := u.Witnesses.AddTo(ctx, one); err != nil {
		u.Log.WarnContext(ctx, "who took the lock is not known", "path", c.Path, "error", err)
	}
	return one[0]
}

// finishEarlier finishes what earlier calls for this lock could not.
func (u *Unlocker) finishEarlier(ctx context.Context, r Request) ([]ledger.Recorded, error) {
	if r.DryRun {
		return nil, nil
	}
	return u.finisher().Finish(ctx, tflock.BoundedID(r.lock.ID), u.Now(), u.endOf)
}

// state looks when the state was last written.
func (u *Unlocker) state(ctx context.Context, path tflock.Path) policy.State {
	b := u.Stores.BucketOf(path)
	if b == nil {
		return u.stateBehind(ctx, path)
	}
	written, err := b.StateWritten(ctx, path)
	if err != nil {
		return policy.State{Problem: err.Error()}
	}
	return policy.State{Written: written}
}

// stateBehind looks when a state was last written whose bucket is not watched by that name. The client may name it by an access
// point: then any watched bucket may be the one behind it, and a write of that key in one of them counts.
func (u *Unlocker) stateBehind(ctx context.Context, path tflock.Path) policy.State {
	state := policy.State{Problem: "its bucket is not watched", Unwatched: true}
	key, through := path.AccessPointKey()
	if !through {
		return state
	}
	for _, b := range u.Stores.Buckets {
		written, err := b.StateWritten(ctx, tflock.NewPath(b.Name(), key))
		switch {
		case err != nil:
			return policy.State{Problem: "its bucket is named by an access point, and may be one that could not be asked: " + err.Error()}
		case written.After(state.Written):
			state.Written = written
		}
	}
	state.Problem = "its bucket is named by an access point, and may be one that is not watched"
	return state
}

// contents are the bytes of a lock, for the record: those that both halves share once.
func contents(l tflock.Lock) []ledger.Bytes {
	var list []ledger.Bytes
	for _, h := range l.Holdings {
		at := slices.IndexFunc(list, func(b ledger.Bytes) bool { return b.Is(h.Raw) })
		if at < 0 {
			list = append(list, ledger.NewBytes(h.Raw, h.Store))
			continue
		}
		list[at].Stores = append(list[at].Stores, h.Store)
	}
	return list
}
