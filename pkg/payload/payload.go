// Package payload reads the requests that people and schedules send to a function, and keeps
// answers small enough to be sent. A misspelt field is refused, and every error says what to
// write instead.
//
// It knows nothing of what the requests ask for.
package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Decode reads one JSON object into a pointer to a struct. A field that the struct does not
// have is an error: a misspelt dry_run must not delete anything. No error quotes a value.
func Decode(payload []byte, into any) error {
	if payload = bytes.TrimSpace(payload); !bytes.HasPrefix(payload, []byte("{")) {
		return errors.New("the payload is not a JSON object")
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return explained(err, into)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) { // More takes a bracket for an end
		return errors.New("the payload has something after its JSON object")
	}
	if name := repeated(payload, fields(into)); name != "" {
		return fmt.Errorf("the payload has the field %s twice: a text may have quotation marks in it, so give it as a JSON string, as jq -Rs makes one", name)
	}
	return nil
}

// repeated returns a field that an object of JSON has more than once, in upper or lower case, as the decoder takes it. A text that is
// pasted between the quotes of a payload may end them, and go on with fields of its writer: the last of two would count, and people
// read the first.
func repeated(object []byte, fields []string) string {
	decoder := json.NewDecoder(bytes.NewReader(object))
	known := map[string]bool{}
	_, _ = decoder.Token() // it was decoded before: nothing fails
	for decoder.More() {
		token, _ := decoder.Token()
		name, _ := token.(string)
		var value json.RawMessage
		_ = decoder.Decode(&value)
		for _, field := range fields {
			if strings.EqualFold(field, name) {
				if known[field] {
					return field
				}
				known[field] = true
			}
		}
	}
	return ""
}

func explained(err error, into any) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return fmt.Errorf("%s must be a %s, not a %s", wrong.Field, wrong.Type.Kind(), wrong.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("there is no field %s: use %s", name, strings.Join(fields(into), ", "))
	}
	return errors.New("the payload is not a JSON object")
}

// fields are the names that a request may have, in the order of its struct.
func fields(request any) (names []string) {
	t := reflect.TypeOf(request).Elem()
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Scheduled reports whether a payload is the event that an EventBridge rule sends when it has
// no input of its own. It asks for nothing.
// https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-aws.events.html
func Scheduled(payload []byte) bool {
	var e struct {
		Source string `json:"source"`
		Type   string `json:"detail-type"`
	}
	return json.Unmarshal(payload, &e) == nil && strings.HasPrefix(e.Source, "aws.") && e.Type == "Scheduled Event"
}

// Fit returns the first elements of a list that an answer has room for: at most that many, and
// at most that many bytes of JSON. An answer of a Lambda has at most 6 MB, and whoever may
// write a state chooses how long names in it are.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
func Fit[T any](list []T, most, bytes int) []T {
	list = list[:min(len(list), most)]
	for i, element := range list {
		raw, err := json.Marshal(element)
		if bytes -= len(Legible(raw)) + 1; err != nil || bytes < 0 {
			return list[:i]
		}
	}
	return list
}
