package local

import (
	"errors"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Page is what a function answers to a dashboard, parsed as browsers do.
type Page struct {
	HTML string
	root *html.Node
}

// Button is one of a page's, with the cwdb-action that it does.
type Button struct {
	Label    string
	Row      string // text of the heading of its table row; empty outside of one
	Endpoint string
	Display  string // "popup" or "widget"
	Confirm  string
	Payload  string // JSON
}

// ParsePage parses a page.
func ParsePage(text string) (*Page, error) {
	nodes, err := html.ParseFragment(strings.NewReader(text), &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div})
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		return nil, errors.New("the page is empty")
	}
	root := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	for _, n := range nodes {
		root.AppendChild(n)
	}
	return &Page{text, root}, nil
}

// Elements returns every element of the page, in order.
func (p *Page) Elements() []*html.Node {
	var all []*html.Node
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode {
			all = append(all, n)
		}
	}
	return all
}

// Text is what people read of an element: everything but styles and what buttons do.
// Of nil it is what they read of the page.
func (p *Page) Text(of *html.Node) string {
	if of == nil {
		of = p.root
	}
	var words strings.Builder
	var read func(n *html.Node)
	read = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			words.WriteString(n.Data)
		case n.Data == "style" || n.Data == "cwdb-action":
			return
		}
		for child := range n.ChildNodes() {
			read(child)
		}
		if n.Type == html.ElementNode && n.Data != "wbr" {
			words.WriteByte(' ')
		}
	}
	read(of)
	return strings.Join(strings.Fields(words.String()), " ")
}

// Rows returns the rows of the page's tables, without headings.
func (p *Page) Rows() []*html.Node {
	var rows []*html.Node
	for _, n := range p.Elements() {
		if n.Data == "tr" && n.Parent.Data == "tbody" {
			rows = append(rows, n)
		}
	}
	return rows
}

// Buttons returns the page's buttons of that label, those with a cwdb-action behind them.
func (p *Page) Buttons(label string) []Button {
	var list []Button
	for _, n := range p.Elements() {
		action := n.NextSibling
		if n.Data != "button" || p.Text(n) != label || action == nil || action.Data != "cwdb-action" || Attribute(action, "action") != "call" {
			continue
		}
		b := Button{Label: label, Endpoint: Attribute(action, "endpoint"), Display: Attribute(action, "display"), Confirm: Attribute(action, "confirmation")}
		if action.FirstChild != nil {
			b.Payload = action.FirstChild.Data
		}
		for parent := n.Parent; parent != nil; parent = parent.Parent {
			if parent.Data == "tr" {
				b.Row = p.Text(parent.FirstChild)
			}
		}
		list = append(list, b)
	}
	return list
}

// Attribute is an element's attribute; empty when it has none of that name.
func Attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
