package slack

import (
	"fmt"
	"strings"

	api "github.com/slack-go/slack"

	"github.com/lockwarden/lockwarden/pkg/alert"
)

// Slack's documented limits, in characters. A message may have 50 blocks: none here
// comes near.
const (
	maxHeader  = 150
	maxSection = 3000
	maxField   = 2000
	maxLink    = 2000 // a longer one is left out
	// Slack refuses a message of more than about 13,000 characters as a whole. So a list has
	// 2,000, three of them stay below that, and only the list of locks has more, so that
	// the first lock of each of 20 prefixes is in it.
	maxList  = 2000
	maxLocks = 7100
	maxLine  = 350
	maxText  = 1600
	// maxCounts is for the counts by prefix.
	maxCounts = 900
	// maxListed is how many locks or states one list names: more are not read in a chat.
	maxListed = 20
)

// Colours of the bar beside a message.
var colours = map[alert.Severity]string{alert.Info: "#2EB67D", alert.Warning: "#ECB22E", alert.Critical: "#E01E5A"}

const grey = "#8D8D8D"

// draft is a message in the making: a headline, and blocks beside a coloured bar.
type draft struct {
	headline string
	notice   string   // what a notification on a phone shows
	own      []string // links that the notice may have
	colour   string
	blocks   []api.Block
}

// message returns the draft as the webhook takes it. The headline stands above the bar,
// since text that is outside of blocks is what notifications show.
func (d *draft) message() *api.WebhookMessage {
	headline := plain(d.headline, maxHeader)
	return &api.WebhookMessage{
		Text:        fallback(d.notice, 600, d.own...),
		Blocks:      &api.Blocks{BlockSet: []api.Block{api.NewHeaderBlock(literal(headline))}},
		Attachments: []api.Attachment{{Color: d.colour, Blocks: api.Blocks{BlockSet: d.blocks}}},
	}
}

// literal is text that Slack shows as it is.
func literal(text string) *api.TextBlockObject {
	return api.NewTextBlockObject(api.PlainTextType, text, false, false)
}

// markup is text of ours, with a stranger's in it as code only.
func markup(text string) *api.TextBlockObject {
	return api.NewTextBlockObject(api.MarkdownType, text, false, true)
}

// prose is a sentence that may have a stranger's words in it.
func (d *draft) prose(text string) {
	if text = plain(text, maxSection); text != "" {
		d.blocks = append(d.blocks, api.NewSectionBlock(literal(text), nil, nil))
	}
}

// markup is a section of ours.
func (d *draft) markup(text string) {
	d.blocks = append(d.blocks, api.NewSectionBlock(markup(text), nil, nil))
}

// fact is a field: our label, and a value that is either ours or code.
type fact struct{ label, value string }

func (d *draft) facts(facts ...fact) {
	fields := make([]*api.TextBlockObject, len(facts))
	for i, f := range facts {
		fields[i] = markup("*" + f.label + "*\n" + f.value)
	}
	d.blocks = append(d.blocks, api.NewSectionBlock(nil, fields, nil))
}

// list is a compact list of a stranger's lines under our heading. more is how many
// lines the caller has left out already.
func (d *draft) list(heading string, lines []string, more int) {
	bulleted := make([]string, len(lines))
	for i, line := range lines {
		bulleted[i] = "• " + line
	}
	d.lines(heading, bulleted, more, maxList)
}

// lines are a stranger's lines under our heading, in as many sections as they need, up to
// so many characters.
func (d *draft) lines(heading string, lines []string, more, room int) {
	if len(lines) == 0 {
		return
	}
	if heading != "" {
		d.markup("*" + heading + "*")
	}
	text := ""
	flush := func() {
		if text != "" {
			d.blocks = append(d.blocks, api.NewSectionBlock(literal(strings.TrimSuffix(text, "\n")), nil, nil))
		}
		text = ""
	}
	for i, line := range lines {
		line = plain(line, maxLine) + "\n"
		if room -= length(line); i == maxListed || room < 0 {
			more += len(lines) - i
			break
		}
		if length(text)+length(line) > maxSection-50 {
			flush()
		}
		text += line
	}
	if more > 0 {
		text += fmt.Sprintf("• and %d more", more)
	}
	flush()
}

// footer is small: our links, then where and when.
func (d *draft) footer(links []string, origin string) {
	var elements []api.MixedElement
	for _, l := range links {
		if length(l) <= maxLink {
			elements = append(elements, markup(l))
		}
	}
	if origin = plain(origin, 300); origin != "" {
		elements = append(elements, literal(origin))
	}
	if len(elements) > 0 {
		d.blocks = append(d.blocks, api.NewContextBlock("", elements...))
	}
}
