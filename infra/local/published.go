package local

import (
	"encoding/json"
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
		if err := json.Unmarshal([]byte(body), &m.Texts); err != nil {
			return nil, err
		}
	}
	return messages, nil
}
