package alert

import (
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Composer makes events for one stack.
type Composer struct {
	Account        string
	Region         string
	UnlockFunction string // name of this stack's unlock function
	PruneFunction  string // name of this stack's prune function
	Dashboard      string // URL of the dashboard; empty: no link
}

// Lock makes the event of one lock. told counts how often people heard of it, this
// time included.
func (c Composer) Lock(t Type, f policy.Finding, told int, now time.Time) Event {
	e := c.event(t, now)
	if t == LockResolved {
		f = heldUntil(f, now)
	}
	e.Lock, e.paths = &f, []string{f.Path}
	path, held := Clean(f.Path, maxPath), policy.Words(f.Held())
	switch t {
	case LockStuck, LockReminder:
		e.Severity = Warning
		if t == LockReminder && told > 2 { // the alert, the first reminder, then critical
			e.Severity = Critical
		}
		still := ""
		if t == LockReminder {
			still = "still "
		}
		e.Text = fmt.Sprintf("State %s is %slocked: held for %s by %s, %s.", path, still, held, holder(f), likelihood(f))
		e.Actions = c.actions(f, now)
	case LockResolved:
		e.Severity = Info
		e.Text = fmt.Sprintf("The stuck lock on state %s is gone after %s.", path, held)
	case LockUnreadable:
		e.Severity = Warning
		e.Text = fmt.Sprintf("%s in %s holds something that is no Terraform lock: nobody can tell whose it is.", path, kinds(f))
	}
	return e
}

// By adds to a resolved event who released the lock through us, and why.
func (e Event) By(who, reason string) Event {
	e.Text += fmt.Sprintf(" Released through Lockwarden by %s: %s.", asker(who), or(Clean(reason, 300), "no reason given"))
	return e
}

// Released makes the event of a lock that was released through us: as a whole, or one
// half of it.
func (c Composer) Released(f policy.Finding, who, reason string, forced, whole bool, now time.Time) Event {
	e := c.event(LockReleased, now)
	e.Severity, e.Lock, e.paths = Info, &f, []string{f.Path}
	how := "released"
	if forced {
		how, e.Severity = "released by force, although its run may be alive,", Warning
	}
	if !whole {
		how, e.Severity = "released in part, so that the state may still be locked,", Warning
	}
	e.Text = fmt.Sprintf("The lock of %s on state %s was %s by %s: %s.", holder(f), Clean(f.Path, maxPath), how, asker(who), or(Clean(reason, 300), "no reason given"))
	return e
}

// Kept makes the event of a lock that we refused to release.
func (c Composer) Kept(f policy.Finding, who, why string, now time.Time) Event {
	e := c.event(LockRefused, now)
	e.Severity, e.Lock, e.paths = Warning, &f, []string{f.Path}
	e.Text = fmt.Sprintf("A release of the lock on state %s, asked for by %s, was refused: %s.", Clean(f.Path, maxPath), asker(who), Clean(why, 500))
	return e
}

func asker(who string) string { return or(Clean(who, maxText), "somebody who gave no name") }

// Summary makes one event of many locks.
func (c Composer) Summary(t Type, findings []policy.Finding, severity Severity, now time.Time) Event {
	e := c.event(t, now)
	e.Severity = severity
	for _, f := range findings {
		if t == LockResolved {
			f = heldUntil(f, now)
		}
		e.Locks = append(e.Locks, f)
		e.paths = append(e.paths, f.Path)
	}
	return e.AndMore(0)
}

// AndMore says that a summary speaks of n locks more than it was given.
func (e Event) AndMore(n int) Event {
	what := map[Type]string{
		LockStuck: "locks are stuck", LockReminder: "locks are still stuck",
		LockResolved: "stuck locks are gone", LockUnreadable: "rows or objects are no Terraform locks",
	}[e.Type]
	e.Omitted += n
	e.Text = fmt.Sprintf("%d %s.", len(e.Locks)+e.Omitted, what)
	return e
}

// heldUntil brings the duration of a lock that is gone up to the time when that was
// seen: the ledger has it as it was last told.
func heldUntil(f policy.Finding, now time.Time) policy.Finding {
	f.HeldSeconds = int64(max(0, now.Sub(f.HeldSince)) / time.Second)
	return f
}

// Backend is one table or bucket of a scan event.
type Backend struct {
	ARN     string
	Problem string    // why it cannot be read; empty when it was
	Since   time.Time // when it began to fail
}

// Scan makes the event of one or more backends that fail, or were read again.
func (c Composer) Scan(t Type, severity Severity, backends []Backend, now time.Time) Event {
	e := c.event(t, now)
	e.Severity = severity
	for _, b := range backends {
		e.paths = append(e.paths, b.ARN)
		line := fmt.Sprintf("%s (failing since %s)", Clean(b.ARN, maxPath), policy.Clock(b.Since))
		if b.Problem != "" {
			// A backend's error begins with its ARN.
			line = fmt.Sprintf("%s (since %s)", Clean(b.Problem, 600), policy.Clock(b.Since))
		}
		e.Details = append(e.Details, line)
	}
	one, many := "%d backend cannot be read, so its locks are not known: %s", "%d backends cannot be read, so their locks are not known: %s"
	if t == ScanRecovered {
		one, many = "%d backend can be read again: %s", "%d backends can be read again: %s"
	}
	if len(backends) != 1 {
		one = many
	}
	e.Text = Clean(fmt.Sprintf(one, len(backends), strings.Join(e.Details, "; ")), 2000)
	return e
}

func (c Composer) event(t Type, now time.Time) Event {
	return Event{Version: "1", Type: t, Time: now.UTC().Truncate(time.Second), Account: c.Account, Region: c.Region}
}

// actions are the commands for a stuck lock. The reason in the unlock command makes
// it work as it is pasted, and names the alert in the record.
func (c Composer) actions(f policy.Finding, now time.Time) Actions {
	a := Actions{ForceUnlock: command("terraform", "force-unlock", f.ID)}
	if c.UnlockFunction != "" {
		a.Unlock = c.invoke(c.UnlockFunction, map[string]string{"lock_id": f.ID, "reason": "stuck lock alert of " + policy.Clock(now)})
	}
	return a
}

// invoke is the command that invokes a function.
func (c Composer) invoke(function string, fields map[string]string) string {
	return command("aws", "lambda", "invoke", "--region", c.Region, "--function-name", function,
		"--cli-binary-format", "raw-in-base64-out", "--payload", payload(fields), "/dev/stdout")
}

func holder(f policy.Finding) string { return or(Clean(f.Who, maxText), "somebody unknown") }

func likelihood(f policy.Finding) string {
	switch f.Evidence.Liveness {
	case policy.PossiblyLive:
		return "and its run may be alive"
	case policy.LikelyOrphan:
		return "and its run is likely dead"
	default:
		return "and whether its run is alive is not known"
	}
}

func kinds(f policy.Finding) string {
	names := make([]string, len(f.Holdings))
	for i, k := range f.Holdings {
		names[i] = map[bool]string{true: "the lock table (dynamodb)", false: "the state bucket (s3)"}[k == "dynamodb"]
	}
	return strings.Join(names, " and ")
}

// Limits in characters of what a holder wrote.
const (
	maxPath = 1100
	maxText = 120
)
