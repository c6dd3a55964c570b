package unlock

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// refuse records and publishes that a lock was kept, unless it was only asked about. The
// caller always learns that the lock stays, whatever fails then.
func (u *Unlocker) refuse(ctx context.Context, r Request, key ledger.Key, record ledger.Release, why string, steps []string) Answer {
	a := Answer{
		Outcome: Refused, Lock: &record.Description, Released: []tflock.Kind{}, NextSteps: steps,
		Message: fmt.Sprintf("Not released: %s.", why),
	}
	if record.Description.Verdict != policy.Unreadable {
		a.Message += " Releasing a live lock gives the state two writers."
	}
	if r.DryRun {
		return a
	}
	if r.automatic() && u.AutoReleases != nil {
		if err := u.AutoReleases.Void(ctx, key); err != nil {
			u.Log.ErrorContext(ctx, "the planned release was not voided", "error", err)
		}
	}
	record.Outcome, record.Why = string(Refused), why
	u.Log.WarnContext(ctx, "lock kept", "path", key.Path, "lock_id", key.ID, "why", why, "record", brief(record))
	// Once it is recorded the next scan publishes what cannot be published now.
	recorded := u.Releases.Write(ctx, key, record)
	if err := errors.Join(recorded, u.finisher().publish(ctx, ledger.Recorded{Key: key, Release: record})); err != nil {
		u.Log.ErrorContext(ctx, "the refusal was not published or recorded", "error", err)
		a.NextSteps = append(a.NextSteps, "The refusal was not published or recorded everywhere: "+err.Error()+".")
	}
	return a
}

// refuseUnreadable refuses where the lock that is named may be what cannot be read.
func (u *Unlocker) refuseUnreadable(ctx context.Context, r Request, f found, requestID string) Answer {
	l, now := f.unreadable[0], u.Now()
	c := policy.Case{Lock: l}
	c.Judge(u.Rules, now)
	record := ledger.Release{
		At: now, Reason: r.Reason, RequestedBy: r.RequestedBy, Request: requestID, Held: contents(l),
		Description: c.Describe(),
	}
	why := fmt.Sprintf("%s holds something on %s that cannot be read (%v), so whether it is this lock is not known", l.Holdings[0].Store, plain.Quoted(l.Path), l.Holdings[0].Err)
	return u.refuse(ctx, r, ledger.KeyOf(l), record, why, []string{
		"Let somebody who can read it look at it: an object under a customer key needs that key, an archived one must be restored first.",
		"If its run is dead, delete it by hand: Lockwarden never removes what it cannot read, not even with force.",
	})
}

// afterRefusal says what to do about a lock that was kept.
func (u *Unlocker) afterRefusal(d policy.Description, c policy.Case) []string {
	if c.Run != nil && c.Run.Status == policy.RunInProgress {
		return append([]string{
			"Look at its run (" + c.Run.Name() + "): wait for its end, or cancel it, and repeat.",
			"If the run is not what holds this lock, repeat now with \"force\": true and the reason.",
		}, u.notWatched(d)...)
	}
	wait := fmt.Sprintf("If it is dead, wait %s and repeat, or repeat now with \"force\": true and the reason.", policy.Words(c.Guard))
	switch {
	case !c.Seen.Released.IsZero():
		wait = "If it is dead, repeat with \"force\": true and the reason: no scan proves any more how old it is."
	case c.Unseen:
		wait = fmt.Sprintf("If it is dead, repeat %s after the monitor's next scan, or repeat now with \"force\": true and the reason.", policy.Words(c.Guard))
	}
	return append([]string{"Find out whether the run is alive: look at its CI job, or ask " + cmp.Or(plain.Quoted(plain.Line(d.Who, 120)), "its holder") + ".", wait}, u.notWatched(d)...)
}

// wouldRelease answers a dry run that nothing speaks against, or that force would end.
func (u *Unlocker) wouldRelease(d policy.Description, may bool, why string) Answer {
	a := Answer{
		Outcome: WouldRelease, Lock: &d, Released: []tflock.Kind{},
		Message:   fmt.Sprintf("Nothing was touched. The lock of %s on %s would be released: %s.", holderOf(d), plain.Quoted(d.Path), why),
		NextSteps: append([]string{"Repeat it without dry_run, and with a reason."}, u.notWatched(d)...),
	}
	if !may {
		a.Message = fmt.Sprintf("Nothing was touched. Only force would remove the lock of %s on %s, because %s.", holderOf(d), plain.Quoted(d.Path), why)
	}
	return a
}
