package slackview

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

type text struct{ Type, Text string }

type block struct {
	Text     *text
	Fields   []text // a label, a newline, and a value
	Elements []text // one after the other in one line
}

// Lines returns the text of a post, its headline first. A field's label and value are one
// line.
func Lines(post []byte) ([]string, error) {
	var p struct {
		Blocks      []block
		Attachments []struct{ Blocks []block }
	}
	if err := json.Unmarshal(post, &p); err != nil {
		return nil, err
	}
	if len(p.Blocks) != 1 || p.Blocks[0].Text == nil || len(p.Attachments) != 1 {
		return nil, errors.New("not a post of the slack function: it has no headline and bar")
	}
	all := []string{p.Blocks[0].Text.Text}
	for _, b := range p.Attachments[0].Blocks {
		if b.Text != nil {
			all = append(all, strings.Split(b.Text.plain(), "\n")...)
		}
		for _, f := range b.Fields {
			all = append(all, strings.ReplaceAll(f.plain(), "\n", ": "))
		}
		var line []string
		for _, e := range b.Elements {
			line = append(line, e.plain())
		}
		if len(line) > 0 {
			all = append(all, strings.Join(line, "  "))
		}
	}
	return all, nil
}

// marks are what mrkdwn puts around code, bold text and links.
var marks = regexp.MustCompile("```\n?|`|\\*|<[^|>]+\\||>")

func (t text) plain() string {
	if t.Type != "mrkdwn" {
		return t.Text
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(marks.ReplaceAllString(t.Text, ""))
}
