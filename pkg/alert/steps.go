package alert

import (
	"strings"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

const (
	twoWriters = "If you release the lock of a live run, two runs write the same state."
	unrecorded = "Run terraform plan: resources that it wants to create may exist already, made by that run and never recorded."
)

// lockSteps are what to do about the locks of an event, in this order.
func lockSteps(e Event) []string {
	switch e.Type {
	case LockStuck, LockReminder:
		return stuckSteps(e)
	case LockUnreadable:
		return unreadableSteps(e)
	case LockResolved:
		if changesNothing(e) {
			return nil
		}
		return []string{"Nothing, if the run ended by itself. If it died, look for an errored.tfstate where it ran, and run terraform plan: it may have made resources that the state does not have."}
	case LockReleasePlanned:
		return planSteps(e)
	case LockReleased:
		return releasedSteps(e)
	case LockRefused:
		return []string{
			aliveStep(e) + " " + twoWriters,
			"If it is over, repeat the release later, or at once with \"force\": true and the reason.",
		}
	}
	return nil
}

func stuckSteps(e Event) []string {
	var steps []string
	if len(e.Locks)+e.Omitted > SummaryAbove {
		steps = append(steps, "So many at once often have one cause: look for a failed CI system or expired credentials first.")
	}
	steps = append(steps, aliveStep(e)+" "+twoWriters)
	if !changesNothing(e) {
		steps = append(steps, "If it died in an apply, look for an errored.tfstate where it ran and keep it: once the lock is released, terraform state push errored.tfstate comes first.")
	}
	release := "Once it is over, release it with the command below (AWS CLI v2). It checks again that it is the same lock, and that nobody writes the state."
	switch {
	case e.Lock == nil:
		release = "Once a run is over, release its lock: the command (AWS CLI v2) checks again that it is the same lock, and that nobody writes the state."
	case !Releasable(*e.Lock):
		release = "Once it is over, press Release beside it on the dashboard."
	}
	return append(steps, release)
}

// aliveStep says how to find out whether the run is over, or what to do where that is known.
func aliveStep(e Event) string {
	first := "Make sure that the run is over"
	switch {
	case e.Lock == nil:
	case e.Lock.Run != nil && e.Lock.Run.Status == policy.RunInProgress:
		return "Do not release it, since its run is in progress: wait for its end, or cancel it (" + jobOf(e) + ")."
	case e.Lock.Evidence.Liveness == policy.PossiblyLive:
		first = "Do not release it yet, since its run may be at work. Find out"
	case e.Lock.Evidence.Liveness == policy.RunOver:
		first = "Its CI system says that the run is over. Make sure that nothing of it is still at work"
	}
	return first + ": look at " + jobOf(e) + ", or " + askFor(e) + "."
}

// jobOf names the CI run to look at, with its page where that is known.
func jobOf(e Event) string {
	if e.Lock == nil || e.Lock.Run == nil {
		return "its CI job"
	}
	return Clean(e.Lock.Run.Name(), maxReason)
}

// askFor names whom to ask.
func askFor(e Event) string {
	if e.Lock == nil || Clean(e.Lock.Who, maxText) == "" {
		return "ask whoever works on the state"
	}
	return "ask " + Holder(*e.Lock)
}

func unreadableSteps(e Event) []string {
	steps := []string{"Find out who wrote it. Lockwarden never touches what it cannot read."}
	for _, i := range e.items() {
		if strings.Contains(i.Path, "/") {
			return append(steps, "While it is there, Terraform cannot lock the state of that path: whoever owns the entry has to remove it.")
		}
	}
	return steps
}

func releasedSteps(e Event) []string {
	var steps []string
	switch {
	case e.Release.Why != "":
		steps = append(steps, "Run the client's plan: if its error shows the ID of this lock, the lock is still there. Then use terraform force-unlock, or have Lockwarden watch and read its place and repeat the release. Another ID is another lock: leave it.")
	case e.Release.Outcome == Partly:
		steps = append(steps, "Repeat the same release: it is safe, and finishes what is left.")
	}
	if e.Lock.Evidence.Liveness == policy.PossiblyLive {
		steps = append(steps, "Make sure that the run is really over before anybody applies: if it is still at work, two runs write the same state.")
	}
	if !changesNothing(e) {
		steps = append(steps, "Look for an errored.tfstate where the run died: if there is one, terraform state push errored.tfstate comes first.")
	}
	return append(steps, unrecorded)
}

// changesNothing reports whether all locks are those of plans, which write no state.
func changesNothing(e Event) bool {
	for _, i := range e.items() {
		if i.Operation != "OperationTypePlan" {
			return false
		}
	}
	return true
}
