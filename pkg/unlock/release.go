package unlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// halves is what became of each half of a lock.
type halves struct {
	went    []tflock.Kind
	failed  []error
	changed *backend.ChangedError
}

// release removes every half on condition of the bytes that were judged: S3 first,
// then DynamoDB, as clients unlock, and both attempted. The record, with the bytes, is
// made before.
func (u *Unlocker) release(ctx context.Context, l tflock.Lock, f policy.Finding, record ledger.Release, unread []error) (Answer, error) {
	key := ledger.KeyOf(l)
	record.Outcome = ledger.Releasing
	if err := u.Ledger.Write(ctx, key, record); err != nil {
		return Answer{}, fmt.Errorf("nothing was released: %w", err)
	}
	result := u.remove(ctx, l)
	result.failed = append(result.failed, unread...)
	a := u.answer(ctx, f, result)
	record.Outcome, record.Went = string(a.Outcome), result.went
	u.Log.WarnContext(ctx, "lock released", "path", l.Path, "lock_id", l.ID, "outcome", a.Outcome, "record", record)
	if len(result.went) == 0 {
		if err := u.Ledger.Write(ctx, key, record); err != nil {
			u.Log.ErrorContext(ctx, "the record was not brought up to date", "error", err)
		}
		if len(result.failed) > 0 && result.changed == nil {
			return Answer{}, fmt.Errorf("nothing was released, and it is safe to repeat: %w", errors.Join(result.failed...))
		}
		return a, nil
	}
	// The lock is gone by now: what fails here must not make the caller believe it is not.
	if err := u.tell(ctx, key, record); err != nil {
		u.Log.ErrorContext(ctx, "the release was not told everywhere", "error", err)
		a.NextSteps = append(a.NextSteps, "Repeat the same call: the release was not recorded or published everywhere, and that finishes it ("+err.Error()+").")
	}
	return a, nil
}

// tell publishes a release and records that it is out.
func (u *Unlocker) tell(ctx context.Context, key ledger.Key, record ledger.Release) error {
	whole := record.Outcome != string(Partial) && record.Outcome != string(Changed)
	if err := u.Topic.Publish(ctx, u.Composer.Released(record.Finding, record.RequestedBy, record.Reason, record.Forced, whole, record.At)); err != nil {
		return errors.Join(err, u.Ledger.Write(ctx, key, record))
	}
	record.Told = true
	errs := []error{u.Ledger.Write(ctx, key, record)}
	if whole {
		errs = append(errs, u.Meter.CountReleased(ctx, 1, record.At))
	}
	return errors.Join(errs...)
}

// finish tells what an invocation that died after its delete did not. Such a lock is
// gone, and so a repeat of the call ends here.
func (u *Unlocker) finish(ctx context.Context, r Request) error {
	if r.DryRun {
		return nil
	}
	untold, err := u.Ledger.Untold(ctx, r.lock.ID)
	errs := []error{err}
	for key, records := range untold {
		for _, record := range records {
			if record.Outcome == ledger.Releasing {
				record.Outcome, record.Went = string(Released), record.Finding.Holdings // it died before it could say
			}
			errs = append(errs, u.tell(ctx, key, record))
		}
	}
	return errors.Join(errs...)
}

func (u *Unlocker) remove(ctx context.Context, l tflock.Lock) halves {
	holdings := slices.Clone(l.Holdings)
	slices.SortStableFunc(holdings, func(a, b tflock.Holding) int { // S3 before DynamoDB
		return map[tflock.Kind]int{tflock.S3: 0, tflock.DynamoDB: 1}[a.Kind] - map[tflock.Kind]int{tflock.S3: 0, tflock.DynamoDB: 1}[b.Kind]
	})
	var result halves
	for _, h := range holdings {
		for _, s := range u.Stores.All() {
			if s.ARN() != h.Store {
				continue
			}
			err := s.Release(ctx, h)
			if other, ok := errors.AsType[*backend.ChangedError](err); ok {
				result.changed = other
			} else if err == nil || errors.Is(err, backend.ErrGone) {
				// It was there a moment ago: gone means that the answer to our own
				// delete was lost, or that the holder ended just now. Both are success.
				result.went = append(result.went, h.Kind)
			} else {
				result.failed = append(result.failed, err)
			}
		}
	}
	return result
}

func (u *Unlocker) answer(ctx context.Context, f policy.Finding, result halves) Answer {
	var a Answer
	switch {
	case result.changed != nil:
		winner := ""
		if now := result.changed.Now; now != nil {
			winner = now.Info.ID
		}
		a = changed(result.went, winner)
	case len(result.failed) > 0:
		a = Answer{
			Outcome: Partial, Released: result.went,
			Message:   fmt.Sprintf("Only a part of the lock on %s was released: %v.", f.Path, errors.Join(result.failed...)),
			NextSteps: append([]string{"Repeat the same call: it is safe, and finishes what is left."}, u.afterRelease(ctx, f)...),
		}
	default:
		a = Answer{
			Outcome: Released, Released: result.went,
			Message:   fmt.Sprintf("Released: the lock of %s on %s, held for %s.", or(f.Who, "somebody unknown"), f.Path, policy.Words(f.Held())),
			NextSteps: u.afterRelease(ctx, f),
		}
	}
	a.Lock = &f
	return a
}

// afterRelease says what to look for before the next apply.
func (u *Unlocker) afterRelease(ctx context.Context, f policy.Finding) []string {
	var steps []string
	if f.Operation != "OperationTypePlan" {
		steps = append(steps, "Look for an errored.tfstate where the run died: if there is one, `terraform state push errored.tfstate` comes first.")
	}
	if w := f.Evidence.Written; w != nil && w.After(f.HeldSince) {
		steps = append(steps, fmt.Sprintf("The state was written during the lock (last at %s UTC): the run had begun to change things.", w.UTC().Format(time.DateTime)))
	}
	steps = append(steps, u.digestStep(ctx, f.Path)...)
	return append(steps, "Run `terraform plan`: resources that it wants to create may exist already, made by the dead run and never recorded; import those.")
}

// digestStep compares the digest that clients check with the state.
func (u *Unlocker) digestStep(ctx context.Context, path string) []string {
	b := u.Stores.BucketOf(path)
	if b == nil {
		return []string{"Whether the digest matches the state was not checked: the bucket is not watched."}
	}
	actual, err := b.StateDigest(ctx, path)
	if err != nil {
		return []string{"Whether the digest matches the state could not be checked: " + err.Error()}
	}
	var steps []string
	for _, t := range u.Stores.Tables {
		digest, err := t.Digest(ctx, path)
		switch {
		case err != nil:
			steps = append(steps, "Whether the digest matches the state could not be checked: "+err.Error())
		case digest == "":
		case digest == actual:
			steps = append(steps, "The digest in the lock table matches the state: reads will work.")
		default:
			steps = append(steps, fmt.Sprintf("The digest in %s is %s, but the MD5 of the state is %s: a client that uses that table fails with \"state data in S3 does not have the expected content\". "+
				"If the state is the right one, set Digest of %s-md5 to the latter.", t.ARN(), digest, or(actual, "none, since there is no state"), path))
		}
	}
	return steps
}
