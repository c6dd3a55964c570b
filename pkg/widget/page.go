package widget

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/lockwarden/lockwarden/pkg/plain"
)

// Palette are the colours of a theme. Each pair of a text and its background has the
// contrast that WCAG 2 asks for at level AA, and a test holds them to it.
type Palette struct {
	Ground, Text, Quiet, Line string
	// Texts and grounds of marks.
	Alarm, AlarmGround, Doubt, DoubtGround, Calm, CalmGround string
	// Texts and grounds of buttons.
	Press, PressGround, Plain, PlainGround string
}

// The themes of a dashboard.
var (
	Light = Palette{
		Ground: "#ffffff", Text: "#16191f", Quiet: "#545b64", Line: "#d5dbdb",
		Alarm: "#7d1500", AlarmGround: "#fdf0ed", Doubt: "#6b4a00", DoubtGround: "#fdf6e3", Calm: "#1b4d1e", CalmGround: "#eff7ec",
		Press: "#ffffff", PressGround: "#0961a5", Plain: "#16191f", PlainGround: "#f2f3f3",
	}
	Dark = Palette{
		Ground: "#161d26", Text: "#e9ebed", Quiet: "#b6bec9", Line: "#414d5c",
		Alarm: "#ffb3a3", AlarmGround: "#4a1b12", Doubt: "#ffdd8a", DoubtGround: "#43350b", Calm: "#b5e3ae", CalmGround: "#17361a",
		Press: "#0b1320", PressGround: "#7fbdf5", Plain: "#e9ebed", PlainGround: "#2b3644",
	}
)

// sheet is the style of a page. Everything hangs below one class, so that it reaches
// nothing else of the dashboard.
const sheet = `
.lw{background:GROUND;color:TEXT;font:13px/1.45 "Amazon Ember","Helvetica Neue",Roboto,Arial,sans-serif;padding:4px 8px 8px;overflow-wrap:anywhere}
.lw h2{font-size:15px;line-height:1.3;margin:12px 0 4px;color:TEXT}
.lw p,.lw ul,.lw form{margin:4px 0;color:TEXT}
.lw ul{padding-left:18px}
.lw td ul{padding-left:14px;margin:0}
.lw table{border-collapse:collapse;width:100%;margin:6px 0;background:GROUND}
.lw caption{text-align:left;color:QUIET;padding:2px 0}
.lw th,.lw td{border-bottom:1px solid LINE;padding:5px 8px 5px 0;text-align:left;vertical-align:top;font-weight:normal;color:TEXT;background:GROUND;white-space:normal}
.lw thead th{color:QUIET;font-weight:bold;white-space:nowrap}
.lw .lw-path{font-weight:bold}
.lw .lw-quiet{color:QUIET}
.lw .lw-whole{white-space:nowrap}
.lw .lw-mark{display:inline-block;border-radius:3px;padding:0 6px;font-weight:bold;white-space:nowrap}
.lw .lw-alarm{color:ALARM;background:ALARMGROUND}
.lw .lw-doubt{color:DOUBT;background:DOUBTGROUND}
.lw .lw-calm{color:CALM;background:CALMGROUND}
.lw .lw-note{border-left:4px solid currentColor;padding:6px 10px;margin:6px 0}
.lw .lw-note p,.lw .lw-note ul,.lw .lw-note li{color:inherit}
.lw dl.lw-figures{display:flex;flex-wrap:wrap;gap:4px 28px;margin:4px 0}
.lw dl.lw-figures div{display:flex;flex-direction:column-reverse}
.lw dl.lw-figures dt{color:QUIET;font-weight:normal}
.lw dl.lw-figures dd{margin:0;font-size:22px;line-height:1.2;font-weight:bold;color:TEXT}
.lw .lw-bar{display:flex;flex-wrap:wrap;gap:6px 12px;align-items:center;margin:6px 0}
.lw label{color:QUIET}
.lw label input{margin-left:8px}
.lw input{font:inherit;color:TEXT;background:GROUND;border:1px solid QUIET;border-radius:3px;padding:3px 6px;width:14em;max-width:100%}
.lw button.btn{font:inherit;font-weight:bold;border:1px solid QUIET;border-radius:3px;padding:3px 12px;cursor:pointer;color:PLAIN;background:PLAINGROUND;white-space:nowrap}
.lw button.btn-primary{color:PRESS;background:PRESSGROUND;border-color:PRESSGROUND}
.lw button.btn:hover{text-decoration:underline}
.lw button.btn:focus-visible,.lw input:focus-visible{outline:2px solid TEXT;outline-offset:2px}
.lw cwdb-action{display:none}
`

// Page is what a function answers to a dashboard.
func Page(c Context, parts ...Node) string {
	p := Light
	if c.Dark {
		p = Dark
	}
	// Longer names come first: one must not be taken for the beginning of another.
	style := strings.NewReplacer(
		"ALARMGROUND", p.AlarmGround, "DOUBTGROUND", p.DoubtGround, "CALMGROUND", p.CalmGround, "PRESSGROUND", p.PressGround, "PLAINGROUND", p.PlainGround,
		"ALARM", p.Alarm, "DOUBT", p.Doubt, "CALM", p.Calm, "PRESS", p.Press, "PLAIN", p.Plain,
		"GROUND", p.Ground, "TEXT", p.Text, "QUIET", p.Quiet, "LINE", p.Line,
	).Replace(sheet)
	return El("div", Class("lw"), All(Node{"<style>" + style + "</style>"}, All(parts...))).String()
}

// Tone is how much something stands out, and as what.
type Tone int

// The tones.
const (
	Alarm Tone = iota
	Doubt
	Calm
)

func (l Tone) class() string { return [...]string{"lw-alarm", "lw-doubt", "lw-calm"}[l] }

// Mark is a short word on its colour. The word says all that the colour says.
func Mark(tone Tone, word string) Node {
	return El("span", A("class", "lw-mark "+tone.class()), Text(word))
}

// Note is a paragraph that stands out, with a list below.
func Note(tone Tone, text string, list ...string) Node {
	return El("div", A("class", "lw-note "+tone.class()), A("role", "note"), El("p", Text(text)), If(len(list) > 0, List(list)))
}

// Whole is a text that is not broken into lines, unless it is too long for a column.
func Whole(text string) Node {
	if utf8.RuneCountInString(text) > 28 {
		return Text(text)
	}
	return El("span", Class("lw-whole"), Text(text))
}

// Path is a path, which breaks into lines behind its slashes.
func Path(path string) Node {
	return Each(strings.SplitAfter(plain.Line(path, maxText), "/"), func(part string) Node { return All(Text(part), El("wbr")) })
}

// List is a list of texts.
func List(texts []string) Node {
	return El("ul", Each(texts, func(text string) Node { return El("li", Text(text)) }))
}

// Table is a table with its caption, its headings, and rows of cells.
func Table(caption string, headings []string, rows []Node) Node {
	return El("table", El("caption", Text(caption)),
		El("thead", El("tr", Each(headings, func(h string) Node { return El("th", A("scope", "col"), Text(h)) }))),
		El("tbody", All(rows...)))
}

// Count is "1 lock", "2 locks".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
