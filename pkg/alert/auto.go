package alert

import (
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Plan says what happens to a lock whose run is known to be over.
type Plan struct {
	Mode      policy.AutoMode `json:"mode"`
	NotBefore time.Time       `json:"not_before,omitzero"` // when it is released at the earliest; zero with report
}

// PlannedRelease is a lock whose release is planned.
type PlannedRelease struct {
	Description policy.Description
	Mode        policy.AutoMode
	NotBefore   time.Time
}

// Planned makes the event of one or more planned releases, all of the same mode. With
// report it promises none.
func (c Composer) Planned(list []PlannedRelease, now time.Time) Event {
	plan := Plan{Mode: list[0].Mode}
	if plan.Mode == policy.AutoRelease {
		plan.NotBefore = list[0].NotBefore.UTC().Truncate(time.Second)
	}
	e := c.event(LockReleasePlanned, Info, now)
	if len(list) == 1 {
		f := list[0].Description
		e.Lock, e.Plan = &f, &plan
		if plan.Mode == policy.AutoRelease && Releasable(f) {
			e.Actions = Actions{Keep: c.keepCommand(f.ID, f.Path), UnlockFunction: c.UnlockFunction}
		}
		return e.worded()
	}
	descriptions := make([]policy.Description, len(list))
	for i, one := range list {
		descriptions[i] = one.Description
	}
	e = c.Summary(LockReleasePlanned, descriptions, Info, now)
	e.Plan = &plan
	return e.worded()
}

// AutoPaused makes the event of a pause: as many releases were made or tried as any hour may
// have, and that many more are due.
func (c Composer) AutoPaused(due int, now time.Time) Event {
	e := c.event(AutoPaused, Warning, now)
	e.Subject = "[Lockwarden] automatic release paused: three within an hour, and more are due"
	e.Text = fmt.Sprintf("Automatic release is paused, since three releases were made or refused within an hour and %s due; it goes on by itself when an hour has passed without one.", count(due, "more is", "more are"))
	e.Steps = []string{
		"Find out why so many runs ended and left their locks: a failed CI system, cancelled pipelines, or somebody who makes up names of runs.",
		"To release a lock now, use lockwarden unlock with its ID and --path, or press Release beside it on the dashboard once the lock is stuck.",
	}
	return e
}

// planText says what happens, when, why, and how to stop it.
func planText(path, who, held string, e Event) string {
	why := planReason(*e.Lock, e.Time)
	if e.Plan.Mode != policy.AutoRelease {
		return fmt.Sprintf("The lock of %s on state %s, held for %s, could be released automatically, since %s. Nothing is released: AutoReleaseMode is report.", who, path, held, why)
	}
	return fmt.Sprintf("The lock of %s on state %s, held for %s, will be released automatically at %s or later, since %s.", who, path, held, policy.Clock(e.Plan.NotBefore), why)
}

// planReason names the lock's run and its end. It says the same of an event that was
// encoded and decoded.
func planReason(d policy.Description, now time.Time) string {
	if d.Run == nil {
		return "its run is known to be over"
	}
	run := *d.Run
	run.Detail = ""
	return Clean(run.Words(now), maxReason)
}

func sharedPlanText(e Event) string {
	text := fmt.Sprintf("%d locks will be released automatically at %s or later, since their runs are known to be over.", len(e.Locks)+e.Omitted, policy.Clock(e.Plan.NotBefore))
	if e.Plan.Mode != policy.AutoRelease {
		text = fmt.Sprintf("%d locks could be released automatically, since their runs are known to be over. Nothing is released: AutoReleaseMode is report.", len(e.Locks)+e.Omitted)
	}
	if len(e.Prefixes) > 0 {
		text += " By prefix: " + under(e.Prefixes, shownPrefixes) + "."
	}
	return text
}

// planSteps say how to stop it.
func planSteps(e Event) []string {
	if e.Plan == nil || e.Plan.Mode != policy.AutoRelease {
		return []string{"Nothing to do. Before you set AutoReleaseMode=release, compare these plans with what people release by hand."}
	}
	tag := "or add the tag " + policy.KeepTag + " to the lock object (the state's key with .tflock at its end). Set the tags that the object has as well: S3 replaces them all."
	if e.Lock == nil {
		return []string{
			"Nothing to do if the locks may be released. Any change to a lock, its run or its state cancels its release.",
			"To prevent a release, press Keep beside the lock on the dashboard, " + tag,
		}
	}
	command := ""
	if e.Actions.Keep != "" {
		command = "use the command below (AWS CLI v2), "
	}
	return []string{
		"Nothing to do if the lock may be released. Any change to the lock, its run or its state cancels the release.",
		"To prevent the release, press Keep beside the lock on the dashboard, " + command + tag,
	}
}

// keepCommand asks the unlock function that a lock is not released automatically.
func (c Composer) keepCommand(id, path string) string {
	if c.UnlockFunction == "" {
		return ""
	}
	return c.invoke(c.UnlockFunction, unlockTimeout, struct {
		LockID string `json:"lock_id"`
		Path   string `json:"path"`
		Keep   bool   `json:"keep"`
		Reason string `json:"reason"`
	}{id, path, true, "still needed"})
}
