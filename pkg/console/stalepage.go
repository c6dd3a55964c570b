package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// shownStates bounds each table of the page of states. Prune's answer and its report
// have the rest.
const shownStates = 100

// Prunings is what the prune function shows to a dashboard.
type Prunings struct {
	Report     prune.Report    // of a dry run
	Lately     []ledger.Pruned // some of what can be restored
	Restorable int             // how much that is
	Self       string          // ARN of the prune function
}

// lookTime is how long a dashboard is kept waiting for a dry run. It says what it found
// until then.
const lookTime = 45 * time.Second

type pruner interface {
	Run(ctx context.Context, request prune.Request, requestID string) (prune.Report, error)
}

type prunings interface {
	Recent(ctx context.Context, most int) (some []ledger.Pruned, total int, err error)
}

// DryRun answers a dashboard: by a dry run, whatever was asked for. A dashboard calls the
// function that a widget names at every refresh, and none of them may prune.
func DryRun(ctx context.Context, p pruner, l prunings, requestID, self string) (Prunings, error) {
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	report, err := p.Run(limited, prune.Request{DryRun: true}, requestID)
	if err != nil {
		return Prunings{}, err
	}
	lately, restorable, err := l.Recent(ctx, shownStates)
	return Prunings{report, lately, restorable, self}, err
}

// Pruned is the page of whatever the prune function answers to a dashboard.
func Pruned(at widget.Context, answer any, err error) string {
	switch a := answer.(type) {
	case Prunings:
		if err == nil {
			return Stale(at, a)
		}
	case prune.Answer:
		return restored(at, a, err)
	}
	if err == nil {
		err = errors.New("the prune function answered something else")
	}
	return failed(at, "The stale states are not known", err)
}

// Stale draws the page of stale states: what prune would do, and what it did lately.
func Stale(at widget.Context, p Prunings) string {
	r := p.Report
	var abandoned, kept []policy.Stale
	for _, s := range r.Kept {
		if s.Abandoned() {
			abandoned = append(abandoned, s)
		} else {
			kept = append(kept, s)
		}
	}
	written := func(s policy.Stale) string { return at.Clock(s.LastModified) }
	return widget.Page(at,
		back(at),
		widget.El("p", widget.Class("lw-quiet"), widget.Text(widget.Count(r.Examined, "stale state")+" examined: not written for so long that prune looks at them.")),
		widget.If(r.StoppedEarly, widget.Note(widget.Doubt, "? Time ran out, so this is not all of them.")),
		widget.If(r.Omitted > 0, widget.Note(widget.Doubt, fmt.Sprintf("? %s not listed here.", widget.Count(r.Omitted, "more state")))),
		widget.If(len(r.Errors) > 0, widget.Note(widget.Alarm, "▲ INCOMPLETE: not everything could be looked at.", clipped(r.Errors)...)),
		table("Abandoned: still managing infrastructure that someone pays for", max(len(abandoned), r.Abandoned), abandoned,
			column{"Last written", written}, column{"Manages", alert.Resources}, column{"What to do", func(policy.Stale) string {
				return "destroy it if no other state manages the same (one that was moved leaves a copy), or keep it: " + policy.KeepAdvice
			}}),
		table("Would be pruned: stale, and certainly empty", len(r.Pruned), r.Pruned,
			column{"Last written", written}, column{"Serial", func(s policy.Stale) string { return fmt.Sprint(s.Serial) }}),
		table("Kept", len(kept), kept,
			column{"Last written", written}, column{"Why", func(s policy.Stale) string { return cmp.Or(plain.Line(s.Why, 300), string(s.Reason)) }}),
		restorable(at, p),
		widget.If(len(r.Kept)+len(r.Pruned)+len(p.Lately)+r.Omitted == 0 && len(r.Errors) == 0, widget.El("p", widget.Text("No stale states, and none was pruned lately."))),
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
	shown := someOfEach(states, func(s policy.Stale) tflock.Path { return s.Path })
	rows := make([]widget.Node, len(shown))
	for i, s := range shown {
		cells := []widget.Part{widget.El("th", widget.A("scope", "row"), widget.Class("lw-path"), widget.Path(string(s.Path)))}
		for _, c := range columns {
			cells = append(cells, widget.El("td", widget.Text(c.of(s))))
		}
		rows[i] = widget.El("tr", cells...)
	}
	return titled(title, total, len(shown), headings, rows)
}

// restorable is the table of what was pruned lately, each with a button.
func restorable(at widget.Context, p Prunings) widget.Node {
	if len(p.Lately) == 0 {
		return widget.Node{}
	}
	shown := someOfEach(p.Lately, func(pruned ledger.Pruned) tflock.Path { return pruned.State.Path })
	rows := make([]widget.Node, len(shown))
	for i, pruned := range shown {
		s := pruned.State
		button := widget.Button("Restore", widget.Action{
			Endpoint: p.Self, Popup: true, Payload: map[string]any{"restore": s.Path},
			Confirm: plain.Line(fmt.Sprintf("Restore the state %s, serial %d? Its last bytes are written back, unless there is a state again. It counts as fresh then.", plain.Quoted(s.Path), s.Serial), 2000),
		})
		rows[i] = widget.El("tr", widget.El("th", widget.A("scope", "row"), widget.Class("lw-path"), widget.Path(string(s.Path))),
			widget.El("td", widget.Text(at.Clock(pruned.At))), widget.El("td", widget.Text(at.Clock(s.LastModified))),
			widget.El("td", widget.Text(fmt.Sprint(s.Serial))), widget.El("td", button))
	}
	return titled("Pruned lately", max(len(p.Lately), p.Restorable), len(shown), []string{"State", "Pruned", "Was last written", "Serial", "Restore"}, rows)
}

// someOfEach returns as many as a table shows, in their order. Where there are more, those of each folder
// come in turns: many of one team hide none of another, with the button that restores it.
func someOfEach[T any](all []T, path func(T) tflock.Path) []T {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	order = tflock.InTurns(order, func(i int) tflock.Path { return path(all[i]) })
	order = order[:min(len(order), shownStates)]
	slices.Sort(order)
	some := make([]T, len(order))
	for i, place := range order {
		some[i] = all[place]
	}
	return some
}

func titled(title string, total, shown int, headings []string, rows []widget.Node) widget.Node {
	caption := widget.Count(total, "state")
	if shown < total {
		caption = fmt.Sprintf("%d of %s, some of each prefix", shown, caption)
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

// restored draws the answer to a request to restore. With err, something failed before
// or after it.
func restored(at widget.Context, a prune.Answer, err error) string {
	switch {
	case a.Outcome == prune.Restored:
		steps := []string{"Plan it: the state counts as fresh now, and prune looks at it again when it is stale."}
		if err != nil {
			steps = append(steps, "Not all went well: "+plain.Line(err.Error(), 600))
		}
		return answered(at, "✓ Restored", widget.Calm, a.Message, steps)
	case err != nil:
		return failed(at, "Not restored", err)
	case a.Outcome == prune.NotFound:
		return answered(at, "? There is nothing to restore", widget.Doubt, a.Message, nil)
	default:
		return answered(at, "▲ Not restored", widget.Alarm, a.Message, nil)
	}
}
