package local

import (
	"encoding/json"
	"fmt"
	"io"
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
	var sent [][3]json.RawMessage
	if err := a.ask(topicARN, &sent); err != nil {
		return nil, fmt.Errorf("what was published: %w", err)
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

// Used are the actions that sessions of a role asked for and were allowed, sorted.
func (a *AWS) Used(roleARN string) ([]string, error) {
	var actions []string
	if err := a.ask(roleARN, &actions); err != nil {
		return nil, fmt.Errorf("what was used: %w", err)
	}
	return actions, nil
}

// ask puts a question to the server's process, see serve.py.
func (a *AWS) ask(question string, answer any) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := io.WriteString(a.stdin, question+"\n"); err != nil {
		return fmt.Errorf("ask moto about %s: %w", question, err)
	}
	line, err := a.stdout.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("ask moto about %s: %w", question, err)
	}
	return json.Unmarshal(line, answer)
}
