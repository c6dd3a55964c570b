package console

import (
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

// answered is the page of an answer: what happened, and what to do next.
func answered(at widget.Context, title string, tone widget.Tone, message string, steps []string) string {
	return widget.Page(at,
		widget.El("h2", widget.Mark(tone, title)),
		widget.El("p", widget.Text(at.Localised(message))),
		widget.If(len(steps) > 0, widget.All(widget.El("h2", widget.Text("Next")), widget.List(localised(at, steps)))),
		widget.El("p", widget.Class("lw-quiet"), widget.Text("Refresh the dashboard to see how things are now.")))
}

// failed is the page of an answer that could not be given.
func failed(at widget.Context, title string, err error) string {
	return answered(at, "▲ "+title, widget.Alarm, plain.Line(err.Error(), 1500), nil)
}

// Unread is the page of a request that cannot be read.
func Unread(at widget.Context, err error) string {
	return failed(at, "This widget is not set up right", err)
}

func localised(at widget.Context, texts []string) []string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = at.Localised(text)
	}
	return list
}
