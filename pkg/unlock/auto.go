package unlock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// autoReleases is what is remembered of a lock for its automatic release.
type autoReleases interface {
	RecallLock(ctx context.Context, key ledger.Key) (ledger.AutoRelease, error)
	Void(ctx context.Context, keys ...ledger.Key) error
	RecordKeep(ctx context.Context, key ledger.Key, s ledger.Keep) error
}

// runTime bounds the questions about the run behind a lock.
const runTime = 10 * time.Second

// knownRun is what is known of the run behind a lock.
type knownRun struct {
	auto policy.AutoRules
	tags *policy.Tags // nil: nobody asked for them
}

// askOfRun asks about the CI run behind a lock, and adds the answer to its case.
func (u *Unlocker) askOfRun(ctx context.Context, c *policy.Case) knownRun {
	if u.Runs == nil {
		return knownRun{}
	}
	ctx, cancel := context.WithTimeout(ctx, runTime)
	defer cancel()
	opened, err := u.Runs.Open(ctx)
	if err != nil {
		u.Log.ErrorContext(ctx, "nobody was asked about the run, since the settings could not be read", "error", err)
		return knownRun{}
	}
	q := &evidence.Question{Case: c}
	if b := u.Stores.BucketOf(c.Path); b != nil {
		q.Bucket = b
	}
	if known, err := u.AutoReleases.RecallLock(ctx, ledger.KeyOf(c.Lock)); err == nil && known.Check != nil {
		q.Before = known.Check.Run
	}
	opened.Ask(ctx, []*evidence.Question{q})
	return knownRun{auto: opened.Auto, tags: &q.Tags}
}

// automatic reports whether the monitor asks for the release.
func (r Request) automatic() bool { return r.RequestedBy == policy.AutoRequester }

// mayRelease reports whether the lock may be released for this request without force. One of
// the monitor's own gets no shortcut: every condition of an automatic release has to hold
// here too.
func (u *Unlocker) mayRelease(ctx context.Context, r Request, f found, c policy.Case, known knownRun) (may bool, why string) {
	if !r.automatic() {
		return c.MayRelease()
	}
	if reasons := u.heldBack(ctx, r, f, c, known); len(reasons) > 0 {
		return false, "not released automatically: " + strings.Join(reasons, "; ")
	}
	return true, c.Run.Words(c.At)
}

// heldBack returns a reason for every condition of an automatic release that does not hold.
func (u *Unlocker) heldBack(ctx context.Context, r Request, f found, c policy.Case, known knownRun) []string {
	var reasons []string
	if !known.auto.Locks.Matches(string(c.Path), c.Info.Operation) {
		reasons = append(reasons, "AutoRelease does not select it")
	} else if known.auto.Mode != policy.AutoRelease {
		reasons = append(reasons, "AutoReleaseMode is report")
	}
	recalled, err := u.recallAuto(ctx, c.Lock)
	if err != nil {
		return append(reasons, "what was planned is not known: "+err.Error())
	}
	facts := policy.AutoCase{Tags: known.tags, Alone: len(f.others)+len(f.unreadable)+len(f.concerns()) == 0}
	if recalled.Keep != nil {
		facts.KeptBy = recalled.Keep.By
	}
	if r.elsewhere != nil {
		facts.Alias, facts.Alone = r.elsewhere.alias, facts.Alone && r.elsewhere.err == nil
	}
	held := c.HeldBack(facts)
	reasons = append(reasons, held...)
	switch plan, now := recalled.Plan, u.Now(); {
	case plan == nil || plan.Mode != policy.AutoRelease:
		reasons = append(reasons, "no release of it was planned")
	case plan.Claimed.IsZero():
		reasons = append(reasons, "its planned release was not claimed by the monitor")
	case plan.Open(now):
		reasons = append(reasons, "the monitor's claim of its planned release has expired")
	case plan.NotBefore.IsZero(): // the claim of an older monitor, which checks no time
		reasons = append(reasons, "when it may be released at the earliest is not known")
	case now.Before(plan.NotBefore):
		reasons = append(reasons, "its release was announced for "+policy.Clock(plan.NotBefore)+" or later")
	case len(held) == 0 && !plan.Basis.Same(c.Basis(*known.tags)):
		reasons = append(reasons, "it has changed since its release was planned")
	}
	return reasons
}

// elsewhere is under which other name the state is locked, for an automatic release.
type elsewhere struct {
	alias tflock.Path
	err   error // it is not known
}

// lookElsewhere looks for other names of the state of a lock that nothing else holds back, and then judges
// all of it once more: it reads whole tables, for a minute and more where somebody fills one, and meanwhile
// people may be notified that the lock stays.
func (u *Unlocker) lookElsewhere(ctx context.Context, r Request, path tflock.Path, requestID string) (Answer, error) {
	r.elsewhere = &elsewhere{}
	r.elsewhere.alias, r.elsewhere.err = u.lockedAs(ctx, path)
	return u.run(ctx, r, requestID)
}

// lockedAs returns another name of a state under which something is locked; empty: there is
// none. Only rows have such names, and nothing but the table shows them.
func (u *Unlocker) lockedAs(ctx context.Context, path tflock.Path) (tflock.Path, error) {
	clean := path.Clean()
	names := []tflock.Path{clean}
	for _, t := range u.Stores.Tables {
		aliases, err := t.AliasesOf(ctx, clean)
		if err != nil {
			return "", err
		}
		if backend.ManyAliases(aliases.Of(clean)) {
			return "", fmt.Errorf("%s has rows of the state under more than %d names", t.ARN(), backend.MaxAliases)
		}
		names = append(names, aliases.Of(clean)...)
	}
	for _, name := range names {
		if name == path {
			continue
		}
		f := u.at(ctx, name, "")
		switch {
		case len(f.unread) > 0:
			return "", errors.Join(f.unread...)
		case f.named != nil || len(f.others) > 0 || (len(f.unreadable) > 0 && !name.Climbs()):
			return name, nil
		}
	}
	return "", nil
}

func (u *Unlocker) recallAuto(ctx context.Context, l tflock.Lock) (ledger.AutoRelease, error) {
	if u.AutoReleases == nil {
		return ledger.AutoRelease{}, errors.New("nothing is remembered of automatic releases here")
	}
	return u.AutoReleases.RecallLock(ctx, ledger.KeyOf(l))
}

// keep records that somebody wants the lock to stay until it is released by hand.
func (u *Unlocker) keep(ctx context.Context, r Request, c policy.Case) (Answer, error) {
	described := c.Describe()
	a := Answer{Outcome: Kept, Lock: &described, Released: []tflock.Kind{}}
	if !r.DryRun {
		keep := ledger.Keep{At: u.Now().UTC(), By: cmp.Or(r.RequestedBy, "an unnamed caller"), Stores: ledger.StoresOf(c.Lock)}
		if err := u.AutoReleases.RecordKeep(ctx, ledger.KeyOf(c.Lock), keep); err != nil {
			return Answer{}, fmt.Errorf("nothing was recorded, so the lock may still be released automatically: %w", err)
		}
		u.Log.WarnContext(ctx, "lock is kept from automatic release", "path", c.Path, "lock_id", tflock.BoundedID(c.ID), "by", keep.By, "reason", r.Reason)
	}
	a.Message = fmt.Sprintf("The lock of %s on %s is not released automatically any more.", holderOf(described), plain.Quoted(described.Path))
	a.NextSteps = []string{"Release it by hand once its run is over: nothing else changes."}
	return a, nil
}
