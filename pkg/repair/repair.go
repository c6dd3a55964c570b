package repair

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/probe"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Outcome is how a repair ended.
type Outcome string

// The outcomes.
const (
	Repaired    Outcome = "repaired"
	WouldRepair Outcome = "would_repair"
	NothingToDo Outcome = "nothing_to_do"
	Refused     Outcome = "refused" // by the rules, or by AWS; nothing is different from before
	Locked      Outcome = "locked"  // somebody holds a lock on it; nothing was touched
	Changed     Outcome = "changed" // it was written in the meantime, or AWS refused a part of the repair; the message says what is different
)

// Answer is the function's answer.
type Answer struct {
	Outcome   Outcome                `json:"outcome"`
	Message   string                 `json:"message"`
	Path      tflock.Path            `json:"path"`
	Before    policy.StateAndDigests `json:"before"`
	After     policy.StateAndDigests `json:"after"` // of a dry run: as it would be
	NextSteps []string               `json:"next_steps"`
}

type records interface {
	Write(ctx context.Context, r ledger.Repair) error
	Of(ctx context.Context, path tflock.Path) ([]ledger.Repair, error)
}

type history interface {
	Locking(ctx context.Context, wanted func(tflock.Path) bool) (ways map[tflock.Path][]policy.LockingSeen, left []tflock.Path, err error)
}

type publisher interface {
	Publish(ctx context.Context, e alert.Event) error
}

// Repairer is what a repair depends on.
type Repairer struct {
	Stores   backend.Set
	Records  records
	History  history
	Composer alert.Composer
	Topic    publisher
	Now      func() time.Time
	Log      *slog.Logger
}

// Run repairs one state. An error means that it is not known how it ended, or that people
// were not notified: a repeat goes on where it stopped.
func (r *Repairer) Run(ctx context.Context, request Request, requestID string) (Answer, error) {
	inTime, cancel := statelock.InTime(ctx)
	defer cancel()
	w := &work{Repairer: r, request: request, stores: r.Stores.Discover(inTime)}
	w.answer = Answer{Path: request.Path, Before: policy.StateAndDigests{Digests: map[string]string{}}, After: policy.StateAndDigests{Digests: map[string]string{}}, NextSteps: []string{}}
	w.bucket = w.stores.BucketOf(request.Path)
	switch {
	case w.bucket == nil:
		w.end(Refused, "the bucket of %s is not watched. Add it to WatchBucketArns", plain.Quoted(request.Path))
	case strings.HasSuffix(string(request.Path), tflock.Suffix):
		w.end(Refused, "%s is a lock, not a state", plain.Quoted(request.Path))
	case !w.bucket.Lockable(request.Path):
		w.end(Refused, "%s cannot be locked, since the name of its lock object would be longer than the 1,024 bytes that S3 allows", plain.Quoted(request.Path))
	default:
		err := w.run(ctx, inTime, requestID)
		return w.answer, statelock.OutOfTime(inTime, err)
	}
	return w.answer, nil
}

// work is one repair.
type work struct {
	*Repairer
	request Request
	stores  backend.Set
	bucket  *backend.Bucket
	locks   *statelock.Locker
	seen    snapshot
	target  version // of restore_version
	begun   bool    // it is on record, and may have written something
	answer  Answer
}

// end answers.
func (w *work) end(o Outcome, format string, values ...any) {
	message := fmt.Sprintf(format, values...)
	if o != Repaired && o != WouldRepair {
		message = "Nothing was touched: " + message
	}
	w.answer.Outcome, w.answer.Message = o, message+"."
}

// run looks, judges and repairs. All of it has to be done in time before the invocation ends.
func (w *work) run(invocation, ctx context.Context, requestID string) error {
	if err := w.inspect(invocation, ctx, requestID); err != nil {
		w.end(Refused, "not everything could be read, and nothing is repaired on a part of the facts: %v", err)
		return nil
	}
	w.answer.Before = w.seen.facts(w.request.Path)
	w.answer.After = w.answer.Before
	if err := w.clearDead(ctx); err != nil {
		return err
	}
	if w.request.Action == policy.RestoreVersion {
		var err error
		if w.target, err = readVersion(ctx, w.bucket, w.request.Path, w.request.VersionID); err != nil {
			return fmt.Errorf("version %s of %s: %w", w.request.VersionID, w.request.Path, err)
		}
	}
	// What an earlier invocation of this repair wrote is not what the dry run showed either.
	if shown := w.request.StateMD5; shown != "" && w.seen.md5 != shown && (w.target.md5 == "" || w.seen.md5 != w.target.md5) {
		w.end(Changed, "the state is not the one that was shown. Look again, and repeat the repair if it is still right")
		return nil
	}
	earlier, err := w.earlier(ctx)
	if err != nil {
		return err
	}
	verdict, why, err := w.judge(ctx)
	if err != nil {
		return err
	}
	wanted := unfinished(earlier, w.request)
	if verdict == policy.NothingToRepair && len(w.lost(wanted)) > 0 {
		verdict, why = policy.MayRepair, "the digests are written that an earlier invocation was to write"
	}
	switch verdict {
	case policy.RefuseRepair:
		w.end(Refused, "%s", why)
		return nil
	case policy.NothingToRepair:
		w.end(NothingToDo, "%s", why)
		w.answer.NextSteps = w.seen.othersSteps(w.answer.After.StateMD5)
		return w.finish(ctx, earlier)
	case policy.MayRepair:
	}
	if unsafe := statelock.Unsafe(ctx, w.stores.Tables, w.bucket, probe.Report.UnsafeRepair); unsafe != "" {
		w.end(Refused, "it cannot be repaired safely: %s", unsafe)
		return nil
	}
	if w.request.DryRun {
		return w.wouldRepair(ctx, why)
	}
	return w.repair(invocation, ctx, requestID, why, wanted)
}

// inspect reads the state and its digests.
func (w *work) inspect(invocation, ctx context.Context, requestID string) (err error) {
	if w.locks, err = statelock.ForState(invocation, ctx, w.stores, w.request.Path, requestID, w.Now); err != nil {
		return err
	}
	w.seen, err = read(ctx, w.stores, w.bucket, w.locks, w.request.Path)
	return err
}

// clearDead removes the locks of an invocation that died, however this one ends: its caller
// repeats it for that too. A store that honours no conditions has none of ours.
func (w *work) clearDead(ctx context.Context) error {
	if w.request.DryRun || statelock.Unsafe(ctx, w.stores.Tables, w.bucket, probe.Report.UnsafeRepair) != "" {
		return nil
	}
	_, err := w.locks.ClearDead(ctx, w.bucket, w.request.Path, "", w.Log)
	return err
}

// judge decides on what was read.
func (w *work) judge(ctx context.Context) (policy.RepairVerdict, string, error) {
	facts := policy.RepairFacts{
		Action: w.request.Action, Exists: w.seen.exists, Sealed: w.seen.sealed, IsState: w.seen.contents.State, Why: w.seen.contents.Why,
		MD5: w.seen.md5, Digests: w.seen.digests(), Target: w.target.md5, TargetWhy: w.target.why,
	}
	if facts.Action == policy.DeleteDigest && !facts.Exists && len(facts.Digests) > 0 {
		// Clients of Terraform up to 1.5 store the state of a path with // elsewhere.
		written, err := w.bucket.StateWritten(ctx, w.request.Path)
		if err != nil {
			return policy.RefuseRepair, "", err
		}
		facts.Exists = !written.IsZero()
	}
	if facts.Action == policy.DeleteDigest && facts.Exists && len(facts.Digests) > 0 {
		locking, _, err := w.History.Locking(ctx, func(path tflock.Path) bool { return path == w.request.Path })
		if err != nil {
			return policy.RefuseRepair, "", err
		}
		facts.LockfileAlone = policy.LockfileAlone(locking[w.request.Path])
	}
	verdict, why := facts.MayRepair()
	return verdict, why, nil
}

func (w *work) wouldRepair(ctx context.Context, why string) error {
	held, err := w.locks.HeldBy(ctx, w.bucket, w.request.Path)
	switch {
	case err != nil:
		w.end(Refused, "whether it is locked is not known: %v", err)
	case held != "":
		w.end(Locked, "%s", held)
	default:
		w.answer.After = w.planned()
		w.end(WouldRepair, "Would repair %s: %s", plain.Quoted(w.request.Path), why)
		w.answer.NextSteps = w.seen.othersSteps(w.answer.After.StateMD5)
	}
	return nil
}

// planned are the facts as the repair would leave them. The version that it would write
// has no ID yet.
func (w *work) planned() policy.StateAndDigests {
	after := w.seen
	after.rows = nil
	digest := w.seen.md5
	if w.request.Action == policy.RestoreVersion {
		digest = w.target.md5
		if after.md5 != digest {
			after.md5, after.versionID, after.contents.State = digest, "", false
		}
	}
	if w.request.Action != policy.DeleteDigest {
		for _, row := range w.seen.rows {
			row.Value = digest
			after.rows = append(after.rows, row)
		}
	}
	return after.facts(w.request.Path)
}

// repair takes the locks, reads again under them, and writes.
func (w *work) repair(invocation, ctx context.Context, requestID, why string, wanted []ledger.DigestRow) error {
	record := ledger.Repair{
		At: w.Now().UTC(), Request: requestID, Path: w.request.Path, Action: w.request.Action, VersionID: w.request.VersionID, Target: w.target.md5,
		Reason: w.request.Reason, RequestedBy: w.request.RequestedBy, Before: w.answer.Before, After: w.answer.Before, Rows: merged(w.seen.rows, wanted),
	}
	lock, done, err := w.take(ctx)
	if done || err != nil {
		return err
	}
	err = w.underLock(ctx, lock, &record, wanted)
	return errors.Join(err, w.locks.Release(ctx, lock), w.conclude(invocation, record, why, err))
}

// take takes the locks, releases them, and takes them again: no digest may go before it is
// known that a lock of ours can be released. done says that it has answered.
func (w *work) take(ctx context.Context) (lock *statelock.Held, done bool, err error) {
	for range 2 {
		if lock != nil {
			if err := w.locks.Release(ctx, lock); err != nil {
				return nil, false, err
			}
		}
		if lock, err = w.locks.Acquire(ctx, w.bucket, w.request.Path, statelock.Repair, w.seen.encryption); err != nil {
			break
		}
	}
	busy, isBusy := errors.AsType[*statelock.BusyError](err)
	_, isLeft := errors.AsType[*statelock.LeftError](err)
	if !isBusy || isLeft {
		return lock, false, err
	}
	if busy.Refused != nil {
		w.end(Refused, "%s", busy.Why)
	} else {
		w.end(Locked, "%s", busy.Why)
	}
	return nil, true, nil
}

// lost are the digests of an unfinished repair that are not there.
func (w *work) lost(wanted []ledger.DigestRow) []ledger.DigestRow {
	return merged(w.seen.rows, wanted)[len(w.seen.rows):]
}

// unfinished returns the digests that there were before an earlier invocation of this repair
// that did not come to its end.
func unfinished(earlier []ledger.Repair, request Request) []ledger.DigestRow {
	if len(earlier) == 0 || request.Action != policy.RestoreVersion {
		return nil
	}
	last := earlier[0]
	if last.Done || last.Action != request.Action || last.VersionID != request.VersionID {
		return nil
	}
	return last.Rows
}
