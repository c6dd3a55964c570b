package widget_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

func TestADashboardsContextIsRead(t *testing.T) {
	event, err := os.ReadFile(filepath.Join(local.Root(), "events", "unlock-released-by-the-dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	at, rest := widget.Split(event)
	if at == nil || at.Dashboard != "lockwarden" || at.Widget != "widget-1" || at.Account != "123456789012" || at.Dark || at.Width != 1280 || at.Narrow() {
		t.Fatalf("got %+v", at)
	}
	if at.Field("name") != "ana" || at.Field("reason") != "the runner is gone" || at.Field("other") != "" {
		t.Errorf("the form: %q, %q", at.Field("name"), at.Field("reason"))
	}
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	if got := at.Clock(noon); got != "2026-11-23 14:00 (UTC+02:00)" {
		t.Errorf("noon is %s", got)
	}
	if got := at.Localised("seen since 2026-11-23 23:30 UTC (5m)"); got != "seen since 2026-11-24 01:30 (UTC+02:00) (5m)" {
		t.Errorf("got %s", got)
	}
	if got := at.Place(); got != "dashboard lockwarden, widget widget-1, account 123456789012" {
		t.Errorf("the place is %s", got)
	}
	var fields map[string]string
	if err := json.Unmarshal(rest, &fields); err != nil || len(fields) != 4 || fields["path"] == "" || fields["lock_id"] == "" {
		t.Errorf("the request is %s, %v", rest, err)
	}
}

// A dashboard calls a widget's function at every refresh with the widget's own
// parameters: only what is not among those was clicked.
func TestARefreshIsNoClick(t *testing.T) {
	const call = `"lock_id":"x","reason":"y"`
	for name, tc := range map[string]struct {
		event   string
		refresh bool
	}{
		"the widget's own parameters":                 {`{` + call + `,"widgetContext":{"params":{` + call + `}}}`, true},
		"in another order and with other blanks":      {`{` + call + `,"widgetContext":{"params":{ "reason" : "y", "lock_id":"\u0078" }}}`, true},
		"a part of them":                              {`{"lock_id":"x","widgetContext":{"params":{` + call + `}}}`, true},
		"numbers, written differently":                {`{"n":1,"widgetContext":{"params":{"n":1.0}}}`, true},
		"parameters that play a context":              {`{` + call + `,"widgetContext":{"params":{` + call + `,"widgetContext":{"params":{}}}}}`, true},
		"parameters that play a way back":             {`{` + call + `,"return_to":"arn","widgetContext":{"params":{` + call + `,"return_to":"arn"}}}`, true},
		"a widget without parameters":                 {`{"widgetContext":{"params":{}}}`, true},
		"a button on a widget without parameters":     {`{` + call + `,"widgetContext":{"params":{}}}`, false},
		"a button on a widget whose params are null":  {`{` + call + `,"widgetContext":{"params":null}}`, false},
		"a button where the context has no params":    {`{` + call + `,"widgetContext":{}}`, false},
		"a button on a widget with other parameters":  {`{` + call + `,"widgetContext":{"params":{"page_size":20}}}`, false},
		"a button for another lock than the widget's": {`{` + call + `,"widgetContext":{"params":{"lock_id":"z","reason":"y"}}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			if at, _ := widget.Split([]byte(tc.event)); at == nil || at.Refresh != tc.refresh {
				t.Errorf("got %+v", at)
			}
		})
	}
}

func TestDamagedContexts(t *testing.T) {
	for name, event := range map[string]string{
		"no object":                       `{"widgetContext": 7}`,
		"null":                            `{"widgetContext": null}`,
		"empty":                           `{"widgetContext": {}}`,
		"every field of another type":     `{"widgetContext": {"dashboardName": 1, "theme": [], "timezone": "UTC", "width": "wide", "forms": []}}`,
		"a time zone that is none":        `{"widgetContext": {"timezone": {"offsetISO": "two hours"}}}`,
		"a form that is none":             `{"widgetContext": {"forms": {"all": [1]}}}`,
		"a width out of all bounds":       `{"widgetContext": {"width": -1e300}}`,
		"a return that is not a function": `{"widgetContext": {}, "return_to": "javascript:alert(1)"}`,
	} {
		t.Run(name, func(t *testing.T) {
			at, rest := widget.Split([]byte(event))
			if at == nil || string(rest) != "{}" {
				t.Fatalf("got %+v, %s", at, rest)
			}
			if at.Clock(time.Unix(0, 0)) != "1970-01-01 00:00 UTC" || at.Dark || at.Narrow() || at.ReturnTo != "" || !strings.Contains(at.Place(), "did not say its name") {
				t.Errorf("got %+v", at)
			}
		})
	}
	for name, event := range map[string]string{"a machine's": `{"lock_id": "x"}`, "no JSON": `{`, "a list": `[]`} {
		t.Run(name+" event is left as it is", func(t *testing.T) {
			at, rest := widget.Split([]byte(event))
			if at != nil || string(rest) != event {
				t.Errorf("got %+v, %s", at, rest)
			}
		})
	}
}

func FuzzSplit(f *testing.F) {
	for _, name := range []string{"unlock-released-by-the-dashboard", "console-second-page", "console-describe"} {
		event, err := os.ReadFile(filepath.Join(local.Root(), "events", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(event)
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		at, rest := widget.Split(event)
		if at == nil {
			if string(rest) != string(event) {
				t.Fatalf("an event without a context was changed to %s", rest)
			}
			return
		}
		var before, after map[string]any
		for text, into := range map[string]*map[string]any{string(event): &before, string(rest): &after} {
			decoder := json.NewDecoder(strings.NewReader(text))
			decoder.UseNumber() // JSON's numbers have no bounds
			if err := decoder.Decode(into); err != nil {
				t.Fatalf("%s is not an object: %v", text, err)
			}
		}
		delete(before, "widgetContext")
		delete(before, "return_to")
		if !reflect.DeepEqual(before, after) {
			t.Errorf("the request is %v, want %v", after, before)
		}
		if strings.ContainsAny(at.Place(), "\r\n") || at.Clock(time.Unix(0, 0)) == "" {
			t.Errorf("the place is %q", at.Place())
		}
	})
}

// drawn is a page that has a content in every place where a page can have one.
func drawn(content string) string {
	return widget.Page(widget.Context{},
		widget.Note(widget.Alarm, content, content), widget.Mark(widget.Calm, content), widget.Whole(content),
		widget.Table(content, []string{content}, []widget.Node{widget.El("tr", widget.El("td", widget.A("title", content), widget.Text(content)))}),
		widget.Button(content, widget.Action{Endpoint: content, Confirm: content + "?", Payload: map[string]any{content: content}}),
	)
}

// A content is the text or the value where it was put, and nothing else: no element
// and no attribute comes of it.
func TestContentStaysContent(t *testing.T) {
	skeleton := func(page *local.Page) string {
		var b strings.Builder
		for _, n := range page.Elements() {
			if n.Data == "span" && local.Attribute(n, "class") == "lw-whole" {
				continue // it depends on the content's length
			}
			fmt.Fprint(&b, n.Data)
			for _, a := range n.Attr {
				fmt.Fprint(&b, " ", a.Key)
			}
			fmt.Fprintln(&b)
		}
		return b.String()
	}
	parse := func(text string) *local.Page {
		page, err := local.ParsePage(text)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	want := skeleton(parse(drawn("x")))
	piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"<script>alert(1)</script>", `" onmouseover="alert(1)`, "'><img src=x onerror=alert(1)>", "</td></tr></table><b>", "</cwdb-action>", "</style>", "<!--", "]]>",
		"&lt;b&gt;", "&#34;", "\x00", "\u202e", "\u2028", "\ufeff", "é", "𝕏", "\xff", "\u00a0", `\u003c`, "<plaintext>", "<svg/onload=alert(1)>",
	}))
	rapid.Check(t, func(rt *rapid.T) {
		content := strings.Join(rapid.SliceOfN(piece, 1, 6).Draw(rt, "content"), "")
		page := parse(drawn(content))
		if got := skeleton(page); got != want {
			rt.Fatalf("%q made of the page\n%s", content, got)
		}
		line := plain.Line(content, 2048)
		buttons := page.Buttons(strings.Join(strings.Fields(line), " "))
		if len(buttons) != 1 || buttons[0].Endpoint != line {
			rt.Fatalf("%q made the buttons %+v", content, buttons)
		}
		var payload map[string]string
		valid := strings.ToValidUTF8(content, "\ufffd") // each run of bytes that are no UTF-8
		if err := json.Unmarshal([]byte(buttons[0].Payload), &payload); err != nil || len(payload) != 1 {
			rt.Fatalf("%q made the payload %s, %v", content, buttons[0].Payload, err)
		}
		for name, value := range payload {
			if name != value || (content == valid && value != content) {
				rt.Errorf("%q is sent as %q: %q", content, name, value)
			}
		}
		// A dashboard that takes the HTML of the element in place of its text reads the same.
		for _, n := range page.Elements() {
			if n.Data == "cwdb-action" {
				var inner strings.Builder
				if err := html.Render(&inner, n.FirstChild); err != nil {
					rt.Fatal(err)
				}
				if strings.ContainsAny(inner.String(), "<>&") && html.UnescapeString(inner.String()) != buttons[0].Payload {
					rt.Errorf("as HTML it reads %s", inner.String())
				}
			}
		}
	})
}

// WCAG 2 asks for a contrast of 4.5 to 1 between a text and its background.
func TestEveryTextHasContrast(t *testing.T) {
	for name, p := range map[string]widget.Palette{"light": widget.Light, "dark": widget.Dark} {
		for pair, colours := range map[string][2]string{
			"text": {p.Text, p.Ground}, "quiet text": {p.Quiet, p.Ground}, "alarm": {p.Alarm, p.AlarmGround}, "doubt": {p.Doubt, p.DoubtGround},
			"calm": {p.Calm, p.CalmGround}, "primary button": {p.Press, p.PressGround}, "button": {p.Plain, p.PlainGround},
		} {
			a, b := luminance(t, colours[0]), luminance(t, colours[1])
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("%s, %s: %.1f to 1", name, pair, ratio)
			}
		}
	}
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	rgb, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 24)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
		c := float64(rgb>>(8*i)&0xff) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestAFunctionAnswersMachinesInJSONAndDashboardsInHTML(t *testing.T) {
	handle := widget.Serve(func(_ context.Context, payload json.RawMessage, at *widget.Context) (string, error) {
		if strings.Contains(string(payload), "bad") {
			return "", errors.New("that is bad")
		}
		return fmt.Sprintf("%s, from a dashboard: %v", payload, at != nil), nil
	}, func(_ widget.Context, answer string, err error) string {
		return fmt.Sprintf("page of %q and %v", answer, err)
	})
	for event, want := range map[string]string{
		`{"a":1}`:                      `{"a":1}, from a dashboard: false, <nil>`,
		`{"a":1,"widgetContext":{}}`:   `page of "{\"a\":1}, from a dashboard: true" and <nil>, <nil>`,
		`{"bad":1}`:                    `, that is bad`,
		`{"bad":1,"widgetContext":{}}`: `page of "" and that is bad, <nil>`,
	} {
		answer, err := handle(t.Context(), json.RawMessage(event))
		if got := fmt.Sprintf("%v, %v", answer, err); got != want {
			t.Errorf("%s: got %s, want %s", event, got, want)
		}
	}
}
