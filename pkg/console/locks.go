package console

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// locksPage is what the page of locks shows.
type locksPage struct {
	weeks               []alert.Week // the latest weekly reports
	at                  widget.Context
	request             Request
	self, unlock, prune string
	reports             bool // there may be a report of the inventory
	now                 time.Time

	stores   int
	failures []string // of stores, each naming its own
	forgot   string   // why the memory of earlier scans is missing; empty when it is not
	figures  scan.Figures
	total    int
	pages    int
	lines    []line
}

// line is one lock of the page.
type line struct {
	lock       policy.Description
	id         string // the whole ID: that of the description is clipped
	auto       automation
	mayRelease bool
	why        string
}

func (p locksPage) draw() string {
	offered := false
	for _, l := range p.lines {
		offered = offered || l.offer()
	}
	return widget.Page(p.at, p.head(), p.scanned(),
		widget.If(offered, signature(p.at, "Why it is safe to release a lock", "Both go into the record of a release.")),
		widget.If(p.total == 0, p.quiet()),
		widget.If(p.total > 0, p.table()),
		p.bar(),
		Weeks(p.weeks),
	)
}

func (p locksPage) head() widget.Node {
	oldest := "none"
	if p.figures.Held > 0 {
		oldest = policy.Words(p.figures.Oldest)
	}
	return widget.El("dl", widget.Class("lw-figures"),
		figure("stuck", p.figures.Stuck), figure("held", p.figures.Held), figure("unreadable", p.figures.Unreadable), figure("oldest lock", oldest))
}

// scanned says how complete the sight is. An incomplete one must not read as an
// all-clear.
func (p locksPage) scanned() widget.Node {
	only := ""
	if p.request.Path != "" {
		only = " Only states that match " + p.request.Path + " are shown."
	}
	all := fmt.Sprintf("all %d watched tables and buckets were", p.stores)
	if p.stores == 1 {
		all = "the one watched table or bucket was"
	}
	said := widget.El("p", widget.Class("lw-quiet"), widget.Text(fmt.Sprintf("Complete: %s read to the end at %s.%s", all, p.at.Clock(p.now), only)))
	if len(p.failures) > 0 {
		list := make([]string, len(p.failures))
		for i, failure := range p.failures {
			list[i] = plain.Line(failure, 600)
		}
		said = widget.Note(widget.Alarm, fmt.Sprintf("▲ INCOMPLETE: %d of %d watched tables and buckets could not be read at %s, so there may be locks that are not shown.%s",
			len(p.failures), p.stores, p.at.Clock(p.now), only), list...)
	}
	return widget.All(said, widget.If(p.forgot != "",
		widget.Note(widget.Doubt, "? What earlier scans saw cannot be read, so ages and evidence rest on this look alone.", plain.Line(p.forgot, 600))))
}

func (p locksPage) quiet() widget.Node {
	text := "No locks: nobody holds a state now."
	if len(p.failures) > 0 {
		text = "No locks were found in what could be read."
	}
	return widget.El("p", widget.Text(text))
}

func (p locksPage) table() widget.Node {
	first := (p.request.Page-1)*p.request.PageSize + 1
	order := "the newest trouble on top"
	if p.pages > 1 {
		order = "the newest trouble of each prefix, then of each folder in turn"
	}
	caption := fmt.Sprintf("Locks %d to %d of %d: stuck ones first, %s", first, first+len(p.lines)-1, p.total, order)
	headings := []string{"State", "Verdict", "Held", "Holder", "Operation", "Stored in", "Is its run alive?", "Release"}
	if p.at.Narrow() {
		headings = []string{"State and holder", "Verdict", "Is its run alive?", "Release"}
	}
	var rows []widget.Node
	size := 0
	for _, l := range p.lines {
		row := p.row(l)
		if size += len(row.String()); size > maxBytes {
			break
		}
		rows = append(rows, row)
	}
	left := len(p.lines) - len(rows)
	return widget.All(widget.Table(caption, headings, rows), widget.If(left > 0,
		widget.Note(widget.Doubt, fmt.Sprintf("? There is no room for the last %s of this page: take a smaller page_size.", widget.Count(left, "lock")))))
}

// maxBytes bounds the rows of a page where holders filled every field to do harm: an
// answer of a Lambda has at most 6 MB.
const maxBytes = 4 << 20

func (p locksPage) row(l line) widget.Node {
	f := l.lock
	state := []widget.Part{
		widget.A("scope", "row"),
		widget.El("div", widget.Class("lw-path"), widget.Path(f.Path)),
		widget.If(f.ID != "", widget.El("div", widget.Class("lw-quiet"), widget.Text("ID "+f.ID))),
	}
	verdict := []widget.Part{verdictMark(f.Verdict)}
	held := widget.El("span", widget.A("title", "since "+p.at.Clock(f.HeldSince)), widget.Text(policy.Words(f.Held())))
	holder, operation := cmp.Or(f.Who, "unknown"), cmp.Or(f.Operation, "unknown")
	if f.Witness != nil && f.Witness.Actor() != "" {
		holder += " (" + f.Witness.Actor() + ")"
	}
	if f.Verdict == policy.Unreadable {
		holder, operation = "unknown", "unknown"
	}
	cell := func(parts ...widget.Part) widget.Node { return widget.El("td", parts...) }
	if p.at.Narrow() {
		about := fmt.Sprintf("%s · %s · in %s", holder, operation, kinds(f.Holdings))
		if f.Verdict == policy.Unreadable {
			about = "in " + kinds(f.Holdings)
		}
		state = append(state, widget.El("div", widget.Text(about)))
		verdict = append(verdict, widget.El("div", held))
		return widget.El("tr", widget.El("th", state...), cell(verdict...), p.evidence(l), p.release(l))
	}
	return widget.El("tr", widget.El("th", state...), cell(verdict...), cell(held), cell(widget.Whole(holder)), cell(widget.Whole(operation)),
		cell(widget.Text(kinds(f.Holdings))), p.evidence(l), p.release(l))
}

func verdictMark(v policy.Verdict) widget.Node {
	switch v {
	case policy.Stuck:
		return widget.Mark(widget.Alarm, "▲ stuck")
	case policy.Unreadable:
		return widget.Mark(widget.Doubt, "? unreadable")
	default:
		return widget.Mark(widget.Calm, "○ fresh")
	}
}

// evidence is the liveness with all its reasons. Those of a fresh lock are folded.
func (p locksPage) evidence(l line) widget.Node {
	f := l.lock
	reasons := make([]string, len(f.Evidence.Reasons))
	for i, reason := range f.Evidence.Reasons {
		reasons[i] = plain.Line(p.at.Localised(reason), 500)
	}
	list := widget.List(reasons)
	if f.Verdict == policy.Unreadable {
		return widget.El("td", list)
	}
	said := "run " + f.Evidence.Liveness.Words()
	if f.Verdict == policy.Fresh {
		return widget.El("td", widget.El("details", widget.El("summary", widget.Text(said)), list), p.automatic(l))
	}
	return widget.El("td", widget.El("strong", widget.Text(said)), list, p.automatic(l))
}

// offer reports whether the line has a button: the lock is stuck, and the unlock function
// would not refuse it.
func (l line) offer() bool {
	return l.lock.Verdict == policy.Stuck && l.mayRelease && l.whole()
}

// whole reports whether the description has the lock's whole ID. It clips those that no client
// wrote, and a button would have to carry it all.
func (l line) whole() bool { return l.id == l.lock.ID }

// release is the button, or why there is none.
func (p locksPage) release(l line) widget.Node {
	f := l.lock
	hint := l.why
	switch {
	case l.offer():
		return widget.El("td", widget.Button("Release", widget.Action{
			Endpoint: p.unlock, Popup: true, Confirm: p.question(f),
			Payload: map[string]any{"path": f.Path, "lock_id": l.id, "reason": "released from " + p.at.Place(), "requested_by": "a viewer of " + p.at.Place()},
		}))
	case f.Verdict == policy.Unreadable:
		hint = "it has no ID that could be released"
	case f.Verdict == policy.Fresh:
		hint = "it is not stuck"
	case !l.whole():
		hint = "its ID is longer than any client writes, so give it to the unlock function." + plain.ShellWarning(f.ID)
	}
	return widget.El("td", widget.Class("lw-quiet"), widget.Text("No button: "+plain.Line(hint, 500)))
}

// question names what is about to go. It is one line, since it is an attribute.
func (p locksPage) question(d policy.Description) string {
	reasons := make([]string, len(d.Evidence.Reasons))
	for i, reason := range d.Evidence.Reasons {
		reasons[i] = p.at.Localised(reason)
	}
	return plain.Line(fmt.Sprintf("Release the lock of %s on %s (%s)? Is its run alive: %s. Evidence: %s. A run that is alive all the same would share its state with a second writer.",
		cmp.Or(plain.Quoted(d.Who), "an unknown holder"), plain.Quoted(d.Path), cmp.Or(plain.Quoted(d.Operation), "unknown operation"), "run "+d.Evidence.Liveness.Words(), strings.Join(reasons, "; ")), 2000)
}

// bar leads to the other pages.
func (p locksPage) bar() widget.Node {
	to := func(page int) map[string]any {
		return map[string]any{"path": p.request.Path, "page_size": p.request.PageSize, "page": page}
	}
	page := p.request.Page
	return widget.El("div", widget.Class("lw-bar"),
		widget.If(page > 1, widget.Button("Newer trouble", widget.Action{Endpoint: p.self, Payload: to(page - 1)})),
		widget.If(p.pages > 1, widget.El("span", widget.Text(fmt.Sprintf("Page %d of %d", page, p.pages)))),
		widget.If(page < p.pages, widget.Button("More locks", widget.Action{Endpoint: p.self, Payload: to(page + 1)})),
		widget.If(p.reports, widget.Button("States and findings", widget.Action{Endpoint: p.self, Payload: map[string]any{"view": viewStates, "path": p.request.Path, "page_size": p.request.PageSize}})),
		widget.If(p.prune != "", widget.Button("Stale states", widget.Action{Endpoint: p.prune, Payload: map[string]any{"dry_run": true}, ReturnTo: p.self})),
	)
}

func kinds(holdings []tflock.Kind) string {
	names := make([]string, len(holdings))
	for i, k := range holdings {
		names[i] = map[tflock.Kind]string{tflock.DynamoDB: "DynamoDB", tflock.S3: "S3"}[k]
	}
	return strings.Join(names, " and ")
}
