package slack

import "github.com/lockwarden/lockwarden/pkg/alert"

// findings lists what an inventory found: one line each, or the evidence of the only one.
func (d *draft) findings(e alert.Event) {
	var lines []string
	shown := min(len(e.Findings), maxListed)
	for _, f := range e.Findings[:shown] {
		lines = append(lines, alert.FindingLines(e, f)...)
	}
	more := 0
	if shown > 0 {
		more = len(e.Findings) - shown + e.Omitted
	}
	d.list("", lines, more)
}
