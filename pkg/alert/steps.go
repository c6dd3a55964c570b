package alert

import (
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
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
		if e.Lock.Verdict == policy.Unreadable { // force does not release it either
			return unreadableSteps(e)
		}
		return []string{
			aliveStep(e) + " " + twoWriters,
			"If the run is over, repeat the release later, or at once with \"force\": true and the reason.",
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
		steps = append(steps, "If the run died in an apply, look where it ran for an errored.tfstate, and keep it: once the lock is released, terraform state push errored.tfstate comes first.")
	}
	release := "Once the run is over, release the lock with the command below (AWS CLI v2). The command first checks that the lock is still the same one, and that nobody is writing the state."
	switch {
	case e.Actions.UnlockFunction == "" && e.Links.Dashboard == "": // outside of AWS
		release = "Once the run is over, give the lock's ID and its path to the unlock function. The function first checks that the lock is still the same one, and that nobody is writing the state."
	case e.Lock == nil:
		release = "Once a run is over, release its lock with its command (AWS CLI v2). The command first checks that the lock is still the same one, and that nobody is writing the state."
	case e.Actions.UnlockFunction == "":
		release = "Once the run is over, press Release beside the lock on the dashboard."
	}
	return append(steps, release)
}

// aliveStep says how to find out whether the run is over, or what to do where that is known.
func aliveStep(e Event) string {
	first := "Make sure that the run is over"
	switch {
	case e.Lock == nil:
	case e.Lock.Run != nil && e.Lock.Run.Status == policy.RunInProgress:
		return "Do not release the lock, since its run is in progress: wait until the run has ended, or cancel it (" + jobOf(e) + ")."
	case e.Lock.Evidence.Liveness == policy.PossiblyLive:
		first = "Do not release the lock yet, since its run may still be working. Find out"
	case e.Lock.Evidence.Liveness == policy.RunOver:
		first = "The CI system says that the run is over. Make sure that nothing of the run is still working"
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
	items := e.items()
	who, while := "Find out who wrote it.", "While the entry is there, Terraform cannot lock the state at its path: the entry's owner has to remove it."
	if len(items)+e.Omitted > 1 {
		who, while = "Find out who wrote them.", "While such an entry is there, Terraform cannot lock the state at its path: the entry's owner has to remove it."
	}
	steps := []string{who + " Lockwarden never touches what it cannot read."}
	if slices.ContainsFunc(items, func(i Item) bool { return strings.Contains(i.Path, "/") }) {
		steps = append(steps, while)
	}
	return steps
}

func releasedSteps(e Event) []string {
	var steps []string
	switch {
	case e.Release.Why != "":
		steps = append(steps, "Run the client's plan: if its error shows the ID and the path of this lock, the lock is still there. Have Lockwarden watch and read its place then, and repeat the release. Another ID or path is another lock: leave it.")
	case e.Release.Outcome == Partly:
		steps = append(steps, "Repeat the same release: it is safe, and finishes what is left.")
	}
	if e.Lock.Evidence.Liveness == policy.PossiblyLive {
		steps = append(steps, "Make sure that the run is really over before anybody applies: if it is still working, two runs write the same state.")
	}
	if !changesNothing(e) {
		steps = append(steps, "Look for an errored.tfstate where the run died: if there is one, terraform state push errored.tfstate comes first.")
	}
	return append(steps, unrecorded)
}

// changesNothing reports whether all locks are those of plans, which write no state.
func changesNothing(e Event) bool {
	for _, i := range e.items() {
		if i.Operation != tflock.OperationPlan {
			return false
		}
	}
	return true
}
