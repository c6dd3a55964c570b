package console

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// Repairing is what the repair function answers to a dashboard.
type Repairing struct {
	Request repair.Request
	Answer  repair.Answer
	Self    string // ARN of the repair function
}

// SignedRepair returns a request the name and the reason that the viewer wrote on the page of
// the dry run. A request that no dashboard sent stays as it is. It fails with
// widget.ErrRefresh for one that nobody clicked.
func SignedRepair(r repair.Request, at *widget.Context) (repair.Request, error) {
	if at == nil {
		return r, nil
	}
	if at.Refresh {
		return r, widget.ErrRefresh
	}
	r.RequestedBy, r.Reason = signed(*at, r.RequestedBy, r.Reason)
	return r, nil
}

// Repaired is the page of what the repair function answers: of a dry run what is there and
// what would be, with the button that does it; else what happened.
func Repaired(at widget.Context, r Repairing, err error) string {
	if err != nil {
		return failed(at, "Not repaired", err)
	}
	if r.Request.DryRun {
		return planned(at, r)
	}
	title, tone := "▲ Not repaired", widget.Alarm
	switch r.Answer.Outcome {
	case repair.Repaired:
		title, tone = "✓ Repaired", widget.Calm
	case repair.NothingToDo:
		title, tone = "✓ Nothing to do", widget.Calm
	case repair.Locked:
		title = "▲ Not repaired: it is locked"
	case repair.Changed:
		title = "▲ Not repaired: it has changed"
	}
	return answered(at, title, tone, r.Answer.Message, r.Answer.NextSteps)
}

// planned is the page of a dry run.
func planned(at widget.Context, r Repairing) string {
	title, tone := "▲ It cannot be repaired so", widget.Alarm
	switch r.Answer.Outcome {
	case repair.WouldRepair:
		title, tone = "? What the repair would do", widget.Doubt
	case repair.NothingToDo:
		title, tone = "✓ There is nothing to repair", widget.Calm
	case repair.Locked:
		title = "▲ It is locked"
	}
	return widget.Page(at,
		widget.If(at.ReturnTo != "", widget.El("div", widget.Class("lw-bar"), widget.Button("Back to the states", widget.Action{
			Endpoint: at.ReturnTo, Payload: map[string]any{"view": viewStates},
		}))),
		widget.El("h2", widget.Mark(tone, title)),
		widget.El("p", widget.Text(at.Localised(r.Answer.Message))),
		beforeAndAfter(r),
		widget.If(r.Answer.Outcome == repair.WouldRepair, doIt(at, r)),
	)
}

// beforeAndAfter are the facts, side by side.
func beforeAndAfter(r Repairing) widget.Node {
	a := r.Answer
	row := func(what, before, after string) widget.Node {
		return widget.El("tr", widget.El("th", widget.A("scope", "row"), widget.Text(what)), widget.El("td", widget.Text(cmp.Or(before, "none"))), widget.El("td", widget.Text(cmp.Or(after, "none"))))
	}
	version := a.After.VersionID
	if version == "" && a.After.StateMD5 != "" {
		version = "a new one"
	}
	rows := []widget.Node{
		row("MD5 of the state", a.Before.StateMD5, a.After.StateMD5),
		row("Version", a.Before.VersionID, version),
		row("Serial", serialOf(a.Before), serialOf(a.After)),
	}
	tables := map[string]bool{}
	for _, facts := range []policy.StateAndDigests{a.Before, a.After} {
		for table := range facts.Digests {
			tables[table] = true
		}
	}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		rows = append(rows, row("Digest in "+table, a.Before.Digests[table], a.After.Digests[table]))
	}
	return widget.Table(string(r.Request.Path), []string{string(r.Request.Action), "Now", "After the repair"}, rows)
}

func serialOf(f policy.StateAndDigests) string {
	if f.Serial == nil {
		return "not known"
	}
	return fmt.Sprint(*f.Serial)
}

// doIt is the form and the button. It repairs only what was shown.
func doIt(at widget.Context, r Repairing) widget.Node {
	fix := policy.StateFix{Path: r.Request.Path, Action: r.Request.Action, VersionID: r.Request.VersionID}
	question := fmt.Sprintf("%s on %s? Its locks are taken first, and nothing is written if the state has changed since this page.", r.Request.Action, plain.Quoted(r.Request.Path))
	if r.Request.Action == policy.RestoreVersion {
		question += " What was created since that version is then in no state."
	}
	return widget.All(signature(at, "Why it is repaired", "Both go into the record of the repair."),
		widget.El("div", widget.Class("lw-bar"), widget.Button("Repair", widget.Action{
			Endpoint: r.Self, Popup: true, Confirm: plain.Line(question, 2000),
			Payload: repairPayload(fix, map[string]any{
				"state_md5": r.Answer.Before.StateMD5, "reason": "repaired from " + at.Place(), "requested_by": "a viewer of " + at.Place(),
			}),
		})))
}

// repairPayload is the event of a repair, with more fields.
func repairPayload(fix policy.StateFix, more map[string]any) map[string]any {
	payload := map[string]any{"path": fix.Path, "action": fix.Action}
	if fix.VersionID != "" {
		payload["version_id"] = fix.VersionID
	}
	maps.Copy(payload, more)
	return payload
}
