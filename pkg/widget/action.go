package widget

import (
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"strings"
	"unicode/utf16"
)

// Action is what a button does: it calls a function, under the viewer's own IAM
// permissions, and shows the HTML that it answers.
type Action struct {
	Endpoint string         // ARN of the function
	Payload  map[string]any // its event; the dashboard adds the context
	Confirm  string         // the question that is asked before; empty: none
	Popup    bool           // show the answer in a popup, else in place of the page
	ReturnTo string         // ARN of the function that draws the page which the answer replaces
}

// Button is a button and its action. A button element, unlike the anchor of AWS's
// samples, can be reached and pressed with the keyboard; `cwdb-action` makes
// whichever element is before it act.
func Button(label string, a Action) Node {
	class := "btn"
	if a.Confirm != "" { // what changes something stands out, and asks
		class += " btn-primary"
	}
	attributes := []Part{A("action", "call"), A("endpoint", a.Endpoint), A("display", "widget")}
	if a.Popup {
		attributes[2] = A("display", "popup")
	}
	if a.Confirm != "" {
		attributes = append(attributes, A("confirmation", a.Confirm))
	}
	payload := map[string]any{}
	maps.Copy(payload, a.Payload)
	if a.ReturnTo != "" {
		payload[returnField] = a.ReturnTo
	}
	return All(
		El("button", A("type", "button"), A("class", class), Text(label)),
		El("cwdb-action", append(attributes, jsonNode(payload))...),
	)
}

// jsonNode is JSON in ASCII, without a character that HTML would write differently, so
// that it reads the same whether a dashboard takes the element's text or its HTML.
func jsonNode(payload map[string]any) Node {
	raw, err := json.Marshal(payload) // it escapes <, > and &
	if err != nil {                   // a payload is made of strings, numbers and flags
		return Node{}
	}
	var b strings.Builder
	for _, r := range string(raw) {
		switch {
		case r <= '~':
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return Node{html.EscapeString(b.String())}
}
