package widget

import (
	"html"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/plain"
)

// literal is a name that stands in the source: a variable string does not convert to
// it, so no content can become an element, an attribute or a style.
type literal string

// Part is what an element is made of: an attribute, or a node inside of it.
type Part interface {
	write(attributes, inside *strings.Builder)
}

// Node is a finished piece of HTML. Only this package makes one.
type Node struct{ html string }

func (n Node) write(_, inside *strings.Builder) { inside.WriteString(n.html) }

// String is the HTML.
func (n Node) String() string { return n.html }

// Attr is an attribute of an element.
type Attr struct {
	name  literal
	value string
}

// A is the attribute of that name. Do not use it for links or event handlers: their
// values are programs and addresses, which escaping does not make harmless.
func A(name literal, value string) Attr { return Attr{name, value} }

// Class is the class attribute.
func Class(value literal) Attr { return A("class", string(value)) }

func (a Attr) write(attributes, _ *strings.Builder) {
	attributes.WriteString(" " + string(a.name) + `="` + html.EscapeString(plain.Line(a.value, maxText)) + `"`)
}

// maxText bounds one text in characters: a DynamoDB key, and so a path, has 2048 bytes.
const maxText = 2048

// Text is text: one line of it, escaped.
func Text(text string) Node { return Node{html.EscapeString(plain.Line(text, maxText))} }

// El is an element with its attributes and what is inside.
func El(name literal, parts ...Part) Node {
	var attributes, inside strings.Builder
	for _, p := range parts {
		p.write(&attributes, &inside)
	}
	open := "<" + string(name) + attributes.String() + ">"
	if name == "input" || name == "wbr" { // elements that have no inside and no end
		return Node{open}
	}
	return Node{open + inside.String() + "</" + string(name) + ">"}
}

// All puts nodes one after the other.
func All(nodes ...Node) Node {
	var b strings.Builder
	for _, n := range nodes {
		b.WriteString(n.html)
	}
	return Node{b.String()}
}

// Each makes a node of every item.
func Each[T any](items []T, draw func(T) Node) Node {
	nodes := make([]Node, len(items))
	for i, item := range items {
		nodes[i] = draw(item)
	}
	return All(nodes...)
}

// If is the node, or nothing.
func If(holds bool, node Node) Node {
	if holds {
		return node
	}
	return Node{}
}
