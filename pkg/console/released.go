package console

import (
	"errors"
	"fmt"

	"github.com/lockwarden/lockwarden/pkg/unlock"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// Fields of the pages, by the names under which a dashboard sends them.
const (
	fieldName   = "name"
	fieldReason = "reason"
	fieldSearch = "search"
)

// Signed returns a request the name and reason that the viewer wrote on the page, and
// says from which dashboard they came. A request that no dashboard sent stays as it is.
// It fails with widget.ErrRefresh for one that nobody clicked, and with errForced for
// one that would override the guard: a dashboard shows no evidence for that.
func Signed(r unlock.Request, at *widget.Context) (unlock.Request, error) {
	if at == nil {
		return r, nil
	}
	if at.Refresh {
		return r, widget.ErrRefresh
	}
	if r.Force {
		return r, errForced
	}
	r.RequestedBy, r.Reason = signed(*at, r.RequestedBy, r.Reason)
	return r, nil
}

// signed returns what the viewer wrote into the form of a page, and else what the button says.
func signed(at widget.Context, name, reason string) (string, string) {
	from := func(written, otherwise string) string {
		if written == "" {
			return otherwise
		}
		return fmt.Sprintf("%s (from %s)", written, at.Place())
	}
	return from(at.Field(fieldName), name), from(at.Field(fieldReason), reason)
}

// signature is what the viewer may say for the record. CloudWatch does not tell a function
// who presses a button.
func signature(at widget.Context, why, hint string) widget.Node {
	field := func(name, label string) widget.Node { // no IDs: a dashboard may have this page twice
		return widget.El("label", widget.Text(label+" "),
			widget.El("input", widget.A("type", "text"), widget.A("name", name), widget.A("maxlength", "300"), widget.A("value", at.Field(name))))
	}
	return widget.El("form", widget.El("div", widget.Class("lw-bar"),
		field(fieldName, "Your name"), field(fieldReason, why), widget.El("span", widget.Class("lw-quiet"), widget.Text(hint))))
}

var errForced = errors.New("a dashboard cannot release a lock with force, so nothing was done: call the unlock function itself, with your reason")

// Released draws the answer to a request to release. err is why there is no answer.
func Released(at widget.Context, a unlock.Answer, err error) string {
	if err != nil {
		return failed(at, "Not released", err)
	}
	title, tone := "? "+string(a.Outcome), widget.Doubt
	switch a.Outcome {
	case unlock.Released:
		title, tone = "✓ Released", widget.Calm
	case unlock.WouldRelease:
		title = "? It would be released"
	case unlock.Refused:
		title, tone = "▲ Not released", widget.Alarm
	case unlock.Kept:
		title, tone = "✓ It stays", widget.Calm
	case unlock.NotFound:
		title = "? It is not there"
	case unlock.Changed:
		title, tone = "▲ Another lock is there now", widget.Alarm
	case unlock.Ambiguous:
		title = "? Which lock is meant is not clear"
	case unlock.Partial:
		title, tone = "▲ Released in part, or not known", widget.Alarm
	}
	return answered(at, title, tone, a.Message, a.NextSteps)
}
