package slack_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/alert/slack"
)

// post is what the webhook gets, read back without the library that wrote it.
type post struct {
	Text        string  `json:"text"`
	Blocks      []block `json:"blocks"`
	Attachments []struct {
		Colour string  `json:"color"`
		Blocks []block `json:"blocks"`
	} `json:"attachments"`
}

type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text"`
	Fields   []text `json:"fields"`
	Elements []text `json:"elements"`
}

type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji"`
	Verbatim bool   `json:"verbatim"`
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// mustFit checks a post against Slack's documented limits and against forged markup,
// and gives it.
func mustFit(t failer, raw []byte) post {
	t.Helper()
	var p post
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatalf("%v", err)
	}
	if len(p.Attachments) != 1 || len(p.Blocks) != 1 || p.Blocks[0].Type != "header" {
		t.Fatalf("a post has a headline and one coloured bar: %s", raw)
	}
	blocks, total := append(p.Blocks, p.Attachments[0].Blocks...), 0
	if len(blocks) > 50 || len(blocks) < 2 {
		t.Fatalf("%d blocks", len(blocks))
	}
	check := func(x text, limit int) {
		t.Helper()
		if n := size(x.Text); n == 0 || n > limit {
			t.Fatalf("%d characters of at most %d: %q", n, limit, x.Text)
		}
		total += size(x.Text)
		harmless(t, x)
	}
	for _, b := range blocks {
		switch b.Type {
		case "header":
			check(*b.Text, 150)
			if b.Text.Type != "plain_text" {
				t.Fatalf("a header is plain text")
			}
		case "section":
			if b.Text != nil {
				check(*b.Text, 3000)
			} else if len(b.Fields) == 0 {
				t.Fatalf("an empty section")
			}
			if len(b.Fields) > 10 {
				t.Fatalf("%d fields", len(b.Fields))
			}
			for _, f := range b.Fields {
				check(f, 2000)
			}
		case "context":
			if n := len(b.Elements); n == 0 || n > 10 {
				t.Fatalf("%d elements", n)
			}
			for _, e := range b.Elements {
				check(e, 3000)
			}
		default:
			t.Fatalf("a block of type %q", b.Type)
		}
	}
	if total > 13_000 { // Slack refuses larger messages with msg_blocks_too_long
		t.Fatalf("%d characters in all", total)
	}
	if strings.ContainsAny(p.Text, "<>*_~`@\n") || size(p.Text) > 3000 || p.Text == "" {
		t.Fatalf("the notification's text: %q", p.Text)
	}
	return p
}

func size(s string) int { return len(utf16.Encode([]rune(s))) }

var (
	// links are the ones that we make: their hosts and texts are ours.
	links = regexp.MustCompile(`<https://(github\.com/lockwarden/|[a-z0-9-]+\.console\.aws\.amazon\.com/)[^<>| ]*\|(State object|Runbook|Dashboard|Alarm)>`)
	codes = regexp.MustCompile("```[^`]+```|`[^`\n]+`")
	// markupOfEvents is all that remains of a mrkdwn text of ours when links and code are gone.
	markupOfEvents = regexp.MustCompile(`^(\*[A-Z][A-Za-z ,:?]*\*)?[A-Za-z0-9 ,.:;?'·\n-]*$`)
	entities       = regexp.MustCompile(`&(amp|lt|gt);`)
)

// harmless fails when a text can mention, link, or be read as markup that is not ours.
func harmless(t failer, x text) {
	t.Helper()
	if strings.ContainsFunc(x.Text, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }) {
		t.Fatalf("a control character in %q", x.Text)
	}
	switch x.Type {
	case "plain_text":
		if x.Emoji == nil || *x.Emoji || strings.ContainsAny(x.Text, "<>") {
			t.Fatalf("plain text that Slack may read: %q", x.Text)
		}
	case "mrkdwn":
		if !x.Verbatim {
			t.Fatalf("Slack finds links and names by itself in %q", x.Text)
		}
		rest := links.ReplaceAllString(x.Text, "")
		for _, code := range codes.FindAllString(rest, -1) {
			if inner := entities.ReplaceAllString(code, ""); strings.ContainsAny(inner, "<>&") {
				t.Fatalf("a mention or a link in the code %q", code)
			}
		}
		if rest = codes.ReplaceAllString(rest, ""); !markupOfEvents.MatchString(rest) {
			t.Fatalf("markup that is not ours: %q", rest)
		}
	default:
		t.Fatalf("a text of type %q", x.Type)
	}
}

func marshalled(t failer, r slack.Renderer, subject, body string) []byte {
	t.Helper()
	raw, err := json.Marshal(r.Message(subject, body))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return raw
}

// shownFor is what people see of an event, within the limits.
func shownFor(t *testing.T, e alert.Event) string {
	t.Helper()
	raw, err := json.Marshal(alert.Fit(e))
	if err != nil {
		t.Fatal(err)
	}
	p := mustFit(t, marshalled(t, slack.Renderer{}, "", string(raw)))
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(strings.Join(p.all(), "\n"))
}

func (p post) all() []string {
	var all []string
	for _, b := range p.Attachments[0].Blocks {
		if b.Text != nil {
			all = append(all, b.Text.Text)
		}
		for _, x := range append(b.Fields, b.Elements...) {
			all = append(all, x.Text)
		}
	}
	return all
}
