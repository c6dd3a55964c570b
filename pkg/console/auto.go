package console

import (
	"context"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// recallAutos reads what the monitor found out about runs. The console asks no CI system
// itself: it has no permission to read their tokens.
func (c *Console) recallAutos(ctx context.Context) ledger.AutoMemory {
	if c.AutoReleases == nil {
		return ledger.AutoMemory{}
	}
	known, err := c.AutoReleases.Recall(ctx)
	if err != nil {
		return ledger.AutoMemory{} // the page is of locks: without it runs are not known
	}
	return known
}

// current is what the last scan found out about a lock's run; nil where a later scan
// did not.
func current(known ledger.AutoRelease, memory ledger.Memory, c policy.Case) *ledger.Check {
	check := known.Check
	if check == nil {
		return nil
	}
	for _, h := range c.Holdings {
		if check.At.Before(memory.Stores[h.Store].LastRead) || check.At.Before(h.Modified) {
			return nil
		}
	}
	return check
}

// automatic says what happens to a lock that AutoRelease selects.
func (p locksPage) automatic(l line) widget.Node {
	check := l.auto.check
	if check == nil || !check.Selected {
		return widget.All()
	}
	if l.auto.stopped != "" {
		return widget.El("div", widget.Class("lw-quiet"), widget.Text("Not released automatically: "+plain.Line(l.auto.stopped, 120)+" asked to keep the lock."))
	}
	said := "Not released automatically: " + plain.Line(p.at.Localised(strings.Join(check.HeldBack, "; ")), 800) + "."
	if len(check.HeldBack) == 0 {
		said = "It was about to be released automatically."
	}
	return widget.All(widget.El("div", widget.Class("lw-quiet"), widget.Text(said)), widget.If(l.whole(), widget.Button("Keep", widget.Action{
		Endpoint: p.unlock, Popup: true, Confirm: plain.Line("Keep the lock on "+plain.Quoted(l.lock.Path)+"? It is then released by hand only.", 2000),
		Payload: map[string]any{"path": l.lock.Path, "lock_id": l.id, "keep": true, "reason": "kept from " + p.at.Place(), "requested_by": "a viewer of " + p.at.Place()},
	})))
}

// automation is what is known of a line's automatic release.
type automation struct {
	check   *ledger.Check // of the last scan; nil: not known
	stopped string        // who asked that it stays
}
