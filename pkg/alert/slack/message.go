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
	// maxList is less than a section may have, so that three lists stay below the size at
	// which Slack refuses a whole message.
	maxList = 2500
	// maxListed is how many locks or states one list names: more are not read in a chat.
	maxListed = 20
)

// Colours of the bar beside a message.
var colours = map[alert.Severity]string{alert.Info: "#2EB67D", alert.Warning: "#ECB22E", alert.Critical: "#E01E5A"}

const grey = "#8D8D8D"

// draft is a message in the making: a headline, and blocks beside a coloured bar.
type draft struct {
	headline string
	summary  string // what a notification shows after the headline
	colour   string
	blocks   []api.Block
}

// message gives the draft as the webhook takes it. The headline stands above the bar,
// since text that is outside of blocks is what notifications show.
func (d *draft) message() *api.WebhookMessage {
	headline := plain(d.headline, maxHeader)
	return &api.WebhookMessage{
		Text:        fallback(headline+" – "+d.summary, 600),
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
	if len(lines) == 0 {
		return
	}
	text := ""
	for i, line := range lines {
		line = "• " + plain(line, 400) + "\n"
		if i == maxListed || length(text)+length(line) > maxList {
			more += len(lines) - i
			break
		}
		text += line
	}
	if more > 0 {
		text += fmt.Sprintf("• and %d more", more)
	}
	if heading != "" {
		d.markup("*" + heading + "*")
	}
	d.blocks = append(d.blocks, api.NewSectionBlock(literal(strings.TrimSuffix(text, "\n")), nil, nil))
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
