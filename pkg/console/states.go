package console

import (
	"fmt"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// shownStates bounds each table of the page of states. Prune's answer and its report
// have the rest.
const shownStates = 100

// States draws the page of stale states: what prune found in a dry run, and what it
// pruned lately. self is the ARN of the prune function, which restores.
func States(at widget.Context, r prune.Report, lately []policy.Stale, self string) string {
	var abandoned, kept []policy.Stale
	for _, s := range r.Kept {
		if s.Abandoned() {
			abandoned = append(abandoned, s)
		} else {
			kept = append(kept, s)
		}
	}
	written := func(s policy.Stale) string { return at.Clock(s.LastModified) }
	// Pruned is what went. Unless the run was dry, that is in the ledger too.
	would := "To be pruned at the next run"
	if !r.DryRun {
		would = "Pruned in this run"
	}
	return widget.Page(at,
		back(at),
		widget.El("p", widget.Class("lw-quiet"), widget.Text(widget.Count(r.Examined, "stale state")+" examined: not written for so long that prune looks at them.")),
		widget.If(r.StoppedEarly, widget.Note(widget.Doubt, "? Time ran out, so this is not all of them: the next run goes on from here.")),
		widget.If(r.Omitted > 0, widget.Note(widget.Doubt, fmt.Sprintf("? %s more are not listed here.", widget.Count(r.Omitted, "state")))),
		widget.If(len(r.Errors) > 0, widget.Note(widget.Alarm, "▲ INCOMPLETE: not everything could be looked at.", clipped(r.Errors)...)),
		table("Abandoned: still managing infrastructure that someone pays for", max(len(abandoned), r.Abandoned), abandoned,
			column{"Last written", written}, column{"Manages", alert.Resources}, column{"What to do", func(policy.Stale) string {
				return "destroy it, or tag the state object lockwarden:keep"
			}}),
		table(would, len(r.Pruned), r.Pruned,
			column{"Last written", written}, column{"Serial", func(s policy.Stale) string { return fmt.Sprint(s.Serial) }}),
		table("Kept", len(kept), kept,
			column{"Last written", written}, column{"Why", func(s policy.Stale) string { return or(plain.Line(s.Why, 300), string(s.Reason)) }}),
		restorable(at, lately, self),
		widget.If(len(r.Kept)+len(r.Pruned)+len(lately)+r.Omitted == 0 && len(r.Errors) == 0, widget.El("p", widget.Text("No stale states, and none was pruned lately."))),
	)
}

// back leads to the page that the viewer came from. Where it is not known a refresh of
// the dashboard does.
func back(at widget.Context) widget.Node {
	if at.ReturnTo == "" {
		return widget.El("p", widget.Class("lw-quiet"), widget.Text("Refresh the dashboard to see the locks again."))
	}
	return widget.El("div", widget.Class("lw-bar"), widget.Button("Back to the locks", widget.Action{Endpoint: at.ReturnTo}))
}

// column is what a table of states says of each beside its path.
type column struct {
	heading string
	of      func(policy.Stale) string
}

func table(title string, total int, states []policy.Stale, columns ...column) widget.Node {
	if len(states) == 0 {
		return widget.Node{}
	}
	headings := []string{"State"}
	for _, c := range columns {
		headings = append(headings, c.heading)
	}
	shown := states[:min(len(states), shownStates)]
	rows := make([]widget.Node, len(shown))
	for i, s := range shown {
		cells := []widget.Part{widget.El("th", widget.A("scope", "row"), widget.Class("lw-path"), widget.Path(s.Path))}
		for _, c := range columns {
			cells = append(cells, widget.El("td", widget.Text(c.of(s))))
		}
		rows[i] = widget.El("tr", cells...)
	}
	return titled(title, total, len(shown), headings, rows)
}

// restorable is the table of what was pruned lately, each with a button.
func restorable(at widget.Context, lately []policy.Stale, self string) widget.Node {
	if len(lately) == 0 {
		return widget.Node{}
	}
	shown := lately[:min(len(lately), shownStates)]
	rows := make([]widget.Node, len(shown))
	for i, s := range shown {
		button := widget.Button("Restore", widget.Action{
			Endpoint: self, Popup: true, Payload: map[string]any{"restore": s.Path},
			Confirm: fmt.Sprintf("Restore the state %s, serial %d? Its last bytes are written back, unless there is a state again. It counts as fresh then.", s.Path, s.Serial),
		})
		rows[i] = widget.El("tr", widget.El("th", widget.A("scope", "row"), widget.Class("lw-path"), widget.Path(s.Path)),
			widget.El("td", widget.Text(at.Clock(s.LastModified))), widget.El("td", widget.Text(fmt.Sprint(s.Serial))), widget.El("td", button))
	}
	return titled("Pruned lately", len(lately), len(shown), []string{"State", "Was last written", "Serial", "Restore"}, rows)
}

func titled(title string, total, shown int, headings []string, rows []widget.Node) widget.Node {
	caption := widget.Count(total, "state")
	if shown < total {
		caption = fmt.Sprintf("The first %d of %s", shown, caption)
	}
	return widget.All(widget.El("h2", widget.Text(title)), widget.Table(caption, headings, rows))
}

func clipped(texts []string) []string {
	const most = 20
	list := make([]string, min(len(texts), most))
	for i := range list {
		list[i] = plain.Line(texts[i], 600)
	}
	if more := len(texts) - most; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return list
}

// Restored says what became of a request to restore: outcome and message are prune's.
// err is why there is no answer.
func Restored(at widget.Context, outcome, message string, err error) string {
	if err != nil {
		return failed(at, "Not restored", err)
	}
	switch outcome {
	case "restored":
		return told(at, "✓ Restored", widget.Calm, message, []string{"Plan it before the next prune: it counts as fresh until then."})
	case "not_found":
		return told(at, "? There is nothing to restore", widget.Doubt, message, nil)
	default:
		return told(at, "▲ Not restored", widget.Alarm, message, nil)
	}
}
