package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// statesPage is the inventory's latest report.
type statesPage struct {
	at           widget.Context
	request      Request
	self, repair string // ARNs
	report       Report
	err          error
}

func (p statesPage) draw() string {
	parts := []widget.Node{p.back()}
	switch {
	case p.err != nil:
		parts = append(parts, widget.Note(widget.Alarm, "▲ INCOMPLETE: the inventory's report cannot be read.", plain.Line(p.err.Error(), 600)))
	case p.report.Written == nil:
		parts = append(parts, widget.El("p", widget.Text("There is no report yet. The inventory function writes one on its schedule; invoke it with {} to have one now.")))
	}
	if p.report.Written != nil {
		parts = append(parts, p.head(), p.findings(), p.search(), p.states(), p.pages(), p.prefixes())
	}
	return widget.Page(p.at, parts...)
}

func (p statesPage) back() widget.Node {
	return widget.El("div", widget.Class("lw-bar"), widget.Button("Back to the locks", widget.Action{
		Endpoint: p.self, Payload: map[string]any{"path": p.request.Path, "page_size": p.request.PageSize},
	}))
}

func (p statesPage) head() widget.Node {
	counts := map[string]int{}
	for _, f := range p.report.Findings {
		counts[f.Severity]++
	}
	only := ""
	if p.request.Path != "" {
		only = " Only states that match " + p.request.Path + " are shown."
	}
	return widget.All(
		widget.El("dl", widget.Class("lw-figures"), figure("critical", counts[policy.SeverityCritical]), figure("warnings", counts[policy.SeverityWarning]),
			figure("infos", counts[policy.SeverityInfo]), figure("states", p.report.Matching)),
		widget.El("p", widget.Class("lw-quiet"), widget.Text(fmt.Sprintf("As the inventory of %s found them.%s", p.at.Clock(*p.report.Written), only))))
}

func figure(word string, value any) widget.Node {
	return widget.El("div", widget.El("dt", widget.Text(word)), widget.El("dd", widget.Text(fmt.Sprint(value))))
}

// findings come first: they are why people open the page.
func (p statesPage) findings() widget.Node {
	all := p.report.Findings
	if len(all) == 0 && p.err != nil {
		return widget.Node{} // whether there are any is not known
	}
	if len(all) == 0 {
		return widget.All(widget.El("h2", widget.Text("Findings")), widget.El("p", widget.Text("The inventory found nothing wrong.")))
	}
	shown := slices.Clone(alert.ChooseFindings(all, shownStates))
	policy.SortFindings(shown)
	total := len(all) + p.report.FindingsOmitted
	caption := widget.Count(total, "finding")
	if len(shown) < total {
		caption = fmt.Sprintf("The first %d of %s; all are in findings.ndjson in the report bucket", len(shown), caption)
	}
	rows := make([]widget.Node, len(shown))
	for i, f := range shown {
		rows[i] = widget.El("tr",
			widget.El("th", widget.A("scope", "row"), widget.Class("lw-path"), widget.Each(f.All(), func(path tflock.Path) widget.Node { return widget.El("div", widget.Path(string(path))) })),
			widget.El("td", severityMark(f.Severity)),
			widget.El("td", widget.El("strong", widget.Text(alert.ProblemWords(f.Type))), widget.El("div", widget.Text(p.at.Localised(f.Text))), resources(f.Evidence)),
			widget.El("td", widget.Text(p.at.Clock(f.Since))),
			p.remedy(f))
	}
	return widget.All(widget.El("h2", widget.Text("Findings")), widget.Table(caption, []string{"State", "Severity", "What is wrong", "Since", "Repair"}, rows))
}

func severityMark(severity string) widget.Node {
	switch severity {
	case policy.SeverityCritical:
		return widget.Mark(widget.Alarm, "▲ critical")
	case policy.SeverityWarning:
		return widget.Mark(widget.Doubt, "▲ warning")
	default:
		return widget.Mark(widget.Calm, "○ info")
	}
}

// resources are the objects of a duplicate, folded.
func resources(e policy.StateEvidence) widget.Node {
	if len(e.Resources) == 0 {
		return widget.Node{}
	}
	names := make([]string, len(e.Resources))
	for i, o := range e.Resources {
		names[i] = plain.Line(strings.TrimSpace(o.Type+" "+cmp.Or(o.ARN, o.ID)+" "+o.Region), 600)
	}
	return widget.El("details", widget.El("summary", widget.Text(fmt.Sprintf("%d of %s", len(names), widget.Count(e.Count, "resource")))), widget.List(names))
}

// remedy is the button that shows what a repair would do. That changes nothing yet.
func (p statesPage) remedy(f policy.StateFinding) widget.Node {
	switch {
	case f.Fix != nil && p.repair != "":
		return widget.El("td", widget.Button("Look at the repair", widget.Action{
			Endpoint: p.repair, Payload: repairPayload(*f.Fix, map[string]any{"dry_run": true}), ReturnTo: p.self,
		}))
	case f.Type.Occurs():
		return widget.El("td", widget.Class("lw-quiet"), widget.Text("No button: it happened, and which version is right is for people to say. The repair function restores one."))
	default:
		return widget.El("td", widget.Class("lw-quiet"), widget.Text("No button: no repair ends this"))
	}
}

// search is the field and the buttons of the list of states.
func (p statesPage) search() widget.Node {
	field := widget.El("label", widget.Text("Search "),
		widget.El("input", widget.A("type", "text"), widget.A("name", fieldSearch), widget.A("maxlength", "300"), widget.A("value", p.request.Search)))
	parts := []widget.Part{widget.Class("lw-bar"), field, widget.Button("Search", p.to(1, p.request.Sort))}
	for _, order := range orders {
		if order == cmp.Or(p.request.Sort, byPath) {
			parts = append(parts, widget.El("span", widget.Class("lw-quiet"), widget.Text("sorted by "+order)))
			continue
		}
		parts = append(parts, widget.Button("Sort by "+order, p.to(1, order)))
	}
	return widget.All(widget.El("h2", widget.Text("States")), widget.El("form", widget.El("div", parts...)))
}

// to leads to a page of states. What is searched for is in the form.
func (p statesPage) to(page int, order string) widget.Action {
	return widget.Action{Endpoint: p.self, Payload: map[string]any{
		"view": viewStates, "path": p.request.Path, "page_size": p.request.PageSize, "sort": order, "page": page,
	}}
}

func (p statesPage) states() widget.Node {
	r := p.report
	if r.Matching == 0 {
		return widget.El("p", widget.Text(fmt.Sprintf("No state matches. The report has %s.", widget.Count(r.States, "state"))))
	}
	first := (p.request.pageOf(r.Matching)-1)*p.request.PageSize + 1
	caption := fmt.Sprintf("States %d to %d of %d", first, first+len(r.Rows)-1, r.Matching)
	headings := []string{"State", "Size", "Last written", "Serial", "Client", "Resources", "Digest", "Locks by"}
	if p.at.Narrow() {
		headings = []string{"State", "Size", "Last written", "Resources", "Digest"}
	}
	rows := make([]widget.Node, len(r.Rows))
	for i, row := range r.Rows {
		rows[i] = p.row(row)
	}
	return widget.Table(caption, headings, rows)
}

func (p statesPage) row(row StateRow) widget.Node {
	cell := func(text string) widget.Part { return widget.El("td", widget.Text(text)) }
	digest := cell(row.Digest)
	if row.Digest == "mismatch" {
		digest = widget.El("td", widget.Mark(widget.Doubt, "▲ mismatch"))
	}
	cells := []widget.Part{
		widget.El("th", widget.A("scope", "row"), widget.Class("lw-path"), widget.Path(string(row.Path))),
		cell(bytesInWords(row.Size)), cell(p.at.Clock(row.LastModified)),
	}
	resources := measured(row.Managed)
	if row.Managed == nil {
		resources = row.Format // encrypted, unreadable, or not read yet
	}
	if p.at.Narrow() {
		return widget.El("tr", append(cells, cell(resources), digest)...)
	}
	serial := ""
	if row.Serial != nil {
		serial = fmt.Sprint(*row.Serial)
	}
	return widget.El("tr", append(cells, cell(serial), cell(row.Version), cell(resources), digest, cell(row.Locking))...)
}

// bytesInWords is a size as people say it.
func bytesInWords(n int64) string {
	size, units := float64(n), []string{"kB", "MB", "GB"}
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	for i, unit := range units {
		if size /= 1000; size < 999.5 || i == len(units)-1 {
			return fmt.Sprintf("%.3g %s", size, unit)
		}
	}
	return ""
}

func (p statesPage) pages() widget.Node {
	pages := p.request.pages(p.report.Matching)
	page := p.request.pageOf(p.report.Matching)
	return widget.If(pages > 1, widget.El("div", widget.Class("lw-bar"),
		widget.If(page > 1, widget.Button("Previous states", p.to(page-1, p.request.Sort))),
		widget.El("span", widget.Text(fmt.Sprintf("Page %d of %d", page, pages))),
		widget.If(page < pages, widget.Button("More states", p.to(page+1, p.request.Sort)))))
}

// prefixes shows how far a move from the table to lockfiles is.
func (p statesPage) prefixes() widget.Node {
	var rows []widget.Node
	for _, prefix := range p.report.Prefixes {
		cells := []widget.Part{widget.El("th", widget.A("scope", "row"), widget.Text(prefix.Prefix))}
		unknown := prefix.States - prefix.Table - prefix.Both - prefix.Lockfile
		for _, n := range []int{prefix.States, prefix.Table, prefix.Both, prefix.Lockfile, unknown, prefix.Mismatches} {
			cells = append(cells, widget.El("td", widget.Text(fmt.Sprint(n))))
		}
		rows = append(rows, widget.El("tr", cells...))
	}
	return widget.If(len(rows) > 0, widget.All(widget.El("h2", widget.Text("How they are locked, by prefix")),
		widget.Table("By the latest lock of each state that the monitor saw", []string{"Prefix", "States", "Table", "Both", "Lockfile", "No lock seen", "Digest mismatches"}, rows)))
}
