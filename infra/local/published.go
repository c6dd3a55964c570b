package local

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Message is one that was published to a topic: its subject, attributes, and the
// text for each protocol.
type Message struct {
	Subject    string
	Texts      map[string]string
	Attributes map[string]string
}

// Published are all messages that a topic received, in order, as moto recorded them
// before delivery: that way each protocol's text can be seen, mail included.
func (a *AWS) Published(topicARN string) ([]Message, error) {
	line, err := a.ask("published " + topicARN)
	if err != nil {
		return nil, err
	}
	var sent [][3]json.RawMessage
	if err := json.Unmarshal(line, &sent); err != nil {
		return nil, err
	}
	messages := make([]Message, len(sent))
	for i, parts := range sent {
		m, body := &messages[i], ""
		for j, to := range []any{&m.Subject, &body, &m.Attributes} {
			if err := json.Unmarshal(parts[j], to); err != nil {
				return nil, err
			}
		}
		if err := json.Unmarshal([]byte(body), &m.Texts); err != nil || m.Texts["default"] == "" {
			m.Texts = map[string]string{"default": body} // published without MessageStructure=json
		}
	}
	return messages, nil
}

// Used are the actions that sessions of a role asked for and were allowed, sorted.
func (a *AWS) Used(roleARN string) ([]string, error) {
	line, err := a.ask("used " + roleARN)
	if err != nil {
		return nil, err
	}
	var actions []string
	return actions, json.Unmarshal(line, &actions)
}

// LambdaEvent is the message as SNS hands it to a Lambda that is subscribed: with the
// text that is meant for Lambda.
func (m Message) LambdaEvent(id string) (string, error) {
	text, ok := m.Texts["lambda"]
	if !ok {
		text = m.Texts["default"]
	}
	attributes := map[string]any{}
	for name, value := range m.Attributes {
		attributes[name] = map[string]string{"Type": "String", "Value": value}
	}
	raw, err := json.Marshal(events.SNSEvent{Records: []events.SNSEventRecord{{
		EventVersion: "1.0", EventSource: "aws:sns",
		SNS: events.SNSEntity{
			Type: "Notification", MessageID: id, Subject: m.Subject, Message: text, Timestamp: time.Now().UTC(),
			SignatureVersion: "1", MessageAttributes: attributes,
		},
	}}})
	return string(raw), err
}
