package slackview

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

// View is a post, taken apart.
type View struct {
	Headline string
	Colour   string // of the bar, as #RRGGBB
	Parts    []Part
}

// Part is a block: lines one below the other, or fields in two columns.
type Part struct {
	Lines  [][]Span
	Fields []Part
	Small  bool
}

// Span is a piece of a line in one style.
type Span struct {
	Text                    string
	Bold, Code, Block, Link bool // Block: a line of a block of code
}

type text struct{ Type, Text string }

type block struct {
	Type     string
	Text     *text
	Fields   []text
	Elements []text
}

// Parse reads a post.
func Parse(body []byte) (View, error) {
	var post struct {
		Blocks      []block
		Attachments []struct {
			Color  string
			Blocks []block
		}
	}
	if err := json.Unmarshal(body, &post); err != nil {
		return View{}, err
	}
	if len(post.Blocks) != 1 || post.Blocks[0].Text == nil || len(post.Attachments) != 1 {
		return View{}, errors.New("the post has no headline and bar: it is none of ours")
	}
	v := View{Headline: post.Blocks[0].Text.Text, Colour: post.Attachments[0].Color}
	for _, b := range post.Attachments[0].Blocks {
		p := Part{Small: b.Type == "context"}
		if b.Text != nil {
			p.Lines = lines(*b.Text)
		}
		for _, f := range b.Fields {
			p.Fields = append(p.Fields, Part{Lines: lines(f)})
		}
		for i, e := range b.Elements { // one after the other
			for _, l := range lines(e) {
				if i == 0 {
					p.Lines = append(p.Lines, nil)
				} else {
					p.Lines[0] = append(p.Lines[0], Span{Text: "  "})
				}
				p.Lines[0] = append(p.Lines[0], l...)
			}
		}
		v.Parts = append(v.Parts, p)
	}
	return v, nil
}

func lines(t text) [][]Span {
	var all [][]Span
	if t.Type != "mrkdwn" {
		for line := range strings.SplitSeq(t.Text, "\n") {
			all = append(all, []Span{{Text: line}})
		}
		return all
	}
	for i, piece := range strings.Split(t.Text, "```") {
		for line := range strings.SplitSeq(strings.TrimSuffix(piece, "\n"), "\n") {
			switch {
			case i%2 == 1:
				all = append(all, []Span{{Text: decoded(line), Block: true}})
			case line != "":
				all = append(all, spans(line))
			}
		}
	}
	return all
}

// token is a piece of mrkdwn that is not plain: code, bold, a link.
var token = regexp.MustCompile("`([^`]+)`|\\*([^*]+)\\*|<([^|>]+)\\|([^>]+)>")

func spans(line string) []Span {
	var all []Span
	plain := func(s string) {
		if s != "" {
			all = append(all, Span{Text: decoded(s)})
		}
	}
	end := 0
	for _, m := range token.FindAllStringSubmatchIndex(line, -1) {
		plain(line[end:m[0]])
		switch {
		case m[2] >= 0:
			all = append(all, Span{Text: decoded(line[m[2]:m[3]]), Code: true})
		case m[4] >= 0:
			all = append(all, Span{Text: decoded(line[m[4]:m[5]]), Bold: true})
		default:
			all = append(all, Span{Text: decoded(line[m[8]:m[9]]), Link: true})
		}
		end = m[1]
	}
	plain(line[end:])
	return all
}

func decoded(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}
