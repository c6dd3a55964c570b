package repair

import (
	"context"
	"fmt"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// conclude brings the record in line with what happened, notifies, and answers.
func (w *work) conclude(ctx context.Context, record ledger.Repair, why string, err error) error {
	switch {
	case err != nil || w.answer.Outcome == Locked: // the record stays unfinished: a repeat goes on
		return nil
	case !record.Done && w.begun: // it ended under way, and the record says how far it came
		if err := w.Records.Write(ctx, record); err != nil || record.Part == "" {
			return err
		}
		return w.publish(ctx, record)
	case !record.Done:
		return nil
	}
	w.Log.InfoContext(ctx, "state repaired", "path", record.Path, "action", record.Action, "requested_by", record.RequestedBy, "before", record.Before, "after", record.After)
	if err := w.Records.Write(ctx, record); err != nil {
		return err
	}
	w.end(Repaired, "Repaired %s: %s", plain.Quoted(record.Path), why)
	w.answer.NextSteps = append(nextSteps(record), w.seen.othersSteps(w.answer.After.StateMD5)...)
	return w.publish(ctx, record)
}

// finish ends what a dead invocation of this repair left: its record, and its message. It is
// called where there is nothing to repair any more.
func (w *work) finish(ctx context.Context, earlier []ledger.Repair) error {
	if w.request.DryRun {
		return nil
	}
	// One that stopped has answered: what makes its repair needless now was done by somebody else.
	if len(earlier) == 0 || earlier[0].Reported || earlier[0].Stopped || earlier[0].Action != w.request.Action || earlier[0].VersionID != w.request.VersionID {
		return nil
	}
	record := earlier[0]
	if !record.Done {
		record.Done, record.After = true, w.answer.Before
		if err := w.Records.Write(ctx, record); err != nil {
			return err
		}
	}
	w.answer.Message += " An earlier invocation began it and did not live to report it: people are notified now."
	w.answer.NextSteps = nextSteps(record)
	return w.publish(ctx, record)
}

// earlier returns the repairs of the state, the newest first. It notifies people of those that
// stopped part way and did not live to say so.
func (w *work) earlier(ctx context.Context) ([]ledger.Repair, error) {
	all, err := w.Records.Of(ctx, w.request.Path)
	if err != nil || w.request.DryRun {
		return all, err
	}
	for i, record := range all {
		if record.Part == "" || record.Reported {
			continue
		}
		if err := w.publish(ctx, record); err != nil {
			return nil, err
		}
		all[i].Reported = true
	}
	return all, nil
}

// publish comes before the record of it: at least once, and never lost.
func (w *work) publish(ctx context.Context, record ledger.Repair) error {
	if err := w.Topic.Publish(ctx, w.Composer.Repaired(event(record), w.Now())); err != nil {
		return fmt.Errorf("what the repair wrote is on record, but people were not notified; repeat it for that: %w", err)
	}
	record.Reported = true
	return w.Records.Write(ctx, record)
}

func event(r ledger.Repair) alert.Repair {
	return alert.Repair{Path: string(r.Path), Action: r.Action, VersionID: r.VersionID, RequestedBy: r.RequestedBy, Reason: r.Reason, Before: r.Before, After: r.After, Stopped: r.Part}
}

func nextSteps(record ledger.Repair) []string {
	steps := []string{"Run a plan on this state before anything else: it shows what the configuration and the state disagree about."}
	switch record.Action {
	case policy.AcceptState:
		steps = append(steps, fmt.Sprintf("If an older version is the right one, restore_version makes it the newest; the digest was %s before.", digestsOf(record.Before)))
	case policy.RestoreVersion:
		steps = append(steps, fmt.Sprintf("What was created after that version is not in the state any more: look for it, and import it. The version that was replaced is %s.", record.Before.VersionID))
	case policy.DeleteDigest:
	}
	return steps
}

func digestsOf(f policy.StateAndDigests) string {
	for _, digest := range f.Digests {
		return orMissing(digest)
	}
	return orMissing("")
}
