package widget

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/plain"
)

// contextField is where a dashboard puts its context in every event that it sends,
// those of buttons included. returnField is our own: the page that a button leaves.
const (
	contextField = "widgetContext"
	returnField  = "return_to"
)

// Context is what a dashboard says of itself and of its viewer's settings. It does not
// say who the viewer is: only CloudTrail's data events know that.
type Context struct {
	Dashboard string
	Widget    string // the dashboard's ID of the widget
	Account   string // of the dashboard
	Dark      bool
	Width     int // of the widget in pixels; zero: not said
	Zone      *time.Location
	ReturnTo  string // ARN of the function whose page the viewer came from; empty: none
	// Refresh says that the dashboard called by itself, with the widget's own parameters
	// and no others. Whoever may edit a dashboard chooses those, and the call has the
	// permissions of whoever looks at it: only a click may change anything.
	Refresh bool

	form   map[string]string
	params json.RawMessage
}

// ErrRefresh refuses what a dashboard asked for by itself.
var ErrRefresh = errors.New("this call came from a refresh of the dashboard and not from a click on a button, so nothing was done: " +
	"a widget must not have the parameters of a release, a restore or a repair")

// parameters are the widget's own, as the dashboard adds them to the context of every
// call (AWS documents them as widgetContext.params). A widget without any may have an empty
// object, null or nothing there.
func parameters(raw json.RawMessage) map[string]json.RawMessage {
	var params map[string]json.RawMessage
	_ = json.Unmarshal(raw, &params) // what is not an object has no parameters
	return params
}

// within reports whether each of the fields is a parameter of the same name and value. A
// refresh sends all of them; the payload of a button has at least one of its own.
func within(fields, params map[string]json.RawMessage) bool {
	for name, value := range fields {
		param, there := params[name]
		if !there || !sameJSON(value, param) {
			return false
		}
	}
	return true
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// Split parts an event of a dashboard into the dashboard's context and the rest, which
// is the function's own request. The context is nil for an event that no dashboard
// sent, and the event is then left as it is. Whatever the context lacks or says in some
// other form than documented is left at its default: a page in UTC is better than none.
func Split(event []byte) (*Context, json.RawMessage) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(event, &fields) != nil || fields[contextField] == nil {
		return nil, event
	}
	c := parseContext(fields[contextField])
	c.ReturnTo = functionARN(text(fields[returnField]))
	delete(fields, contextField)
	delete(fields, returnField)
	c.Refresh = within(fields, parameters(c.params))
	return &c, without(event, contextField, returnField)
}

// without returns an object without the fields of those names. A field that is there twice stays there twice: the
// function's own decoder refuses it, for a text between the quotes of an event may play a dashboard.
func without(object []byte, names ...string) json.RawMessage {
	decoder := json.NewDecoder(bytes.NewReader(object))
	var rest []string
	_, _ = decoder.Token() // it was decoded a moment ago: nothing fails
	for decoder.More() {
		token, _ := decoder.Token()
		name, _ := token.(string)
		var value json.RawMessage
		_ = decoder.Decode(&value)
		if !slices.Contains(names, name) {
			quoted, _ := json.Marshal(name)
			rest = append(rest, string(quoted)+":"+string(value))
		}
	}
	return json.RawMessage("{" + strings.Join(rest, ",") + "}")
}

func parseContext(raw []byte) Context {
	var f struct {
		DashboardName, WidgetID, AccountID, Theme, Timezone, Width, Forms, Params json.RawMessage
	}
	_ = json.Unmarshal(raw, &f) // what is not an object has no fields
	var zone, forms, all map[string]json.RawMessage
	_, _ = json.Unmarshal(f.Timezone, &zone), json.Unmarshal(f.Forms, &forms)
	_ = json.Unmarshal(forms["all"], &all)
	var width float64
	_ = json.Unmarshal(f.Width, &width)
	c := Context{
		Dashboard: plain.Line(text(f.DashboardName), maxName), Widget: plain.Line(text(f.WidgetID), maxName), Account: plain.Line(text(f.AccountID), maxName),
		Dark: text(f.Theme) == "dark", Width: int(max(0, min(width, maxWidth))), Zone: time.UTC, form: map[string]string{}, params: f.Params,
	}
	// The sign of offsetInMinutes is not documented, that of offsetISO is a standard's.
	if at, err := time.Parse("Z07:00", text(zone["offsetISO"])); err == nil {
		if _, offset := at.Zone(); offset != 0 {
			c.Zone = time.FixedZone("", offset)
		}
	}
	for name, value := range all {
		c.form[name] = plain.Line(text(value), maxField)
	}
	return c
}

// Limits: names have at most 255 characters in CloudWatch, and nobody's reason for a
// release needs more than the field's.
const (
	maxName  = 255
	maxField = 300
	maxWidth = 10_000
)

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

var lambdaARN = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^arn:[a-z0-9-]+:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9$_-]+)?$`)
})

func functionARN(arn string) string {
	if !lambdaARN().MatchString(arn) {
		return ""
	}
	return arn
}

// Field is what the viewer wrote into a field of the page, as one line of at most 300
// characters; empty when nothing.
func (c Context) Field(name string) string { return c.form[name] }

// Narrow reports whether the widget has no room for many columns: half of a common screen.
func (c Context) Narrow() bool { return c.Width > 0 && c.Width < 900 }

// Clock writes a time for the viewer, to the minute, in the dashboard's time zone.
func (c Context) Clock(t time.Time) string {
	if c.Zone == nil || c.Zone == time.UTC {
		return t.UTC().Format(utcClock)
	}
	return t.In(c.Zone).Format("2006-01-02 15:04 (UTC-07:00)")
}

const utcClock = "2006-01-02 15:04 UTC"

var clocks = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC`) })

// Localised puts the times of a text, as policy.Clock writes them, into the dashboard's
// time zone.
func (c Context) Localised(text string) string {
	return clocks().ReplaceAllStringFunc(text, func(clock string) string {
		t, err := time.Parse(utcClock, clock)
		if err != nil {
			return clock
		}
		return c.Clock(t)
	})
}

// Place names the dashboard for a record.
func (c Context) Place() string {
	var parts []string
	for _, p := range []struct{ word, name string }{{"dashboard", c.Dashboard}, {"widget", c.Widget}, {"account", c.Account}} {
		if p.name != "" {
			parts = append(parts, p.word+" "+p.name)
		}
	}
	if len(parts) == 0 {
		return "a dashboard that did not say its name"
	}
	return strings.Join(parts, ", ")
}
