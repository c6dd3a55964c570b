package main

import (
	"strings"
)

// traced is a step of a play. It is put into words only when a law is broken.
type traced struct {
	text    string // what happened, if no process did it
	process *process
	call    *waiting // nil: the process began
	fate    fate
}

func (s traced) String() string {
	switch {
	case s.process == nil:
		return s.text
	case s.call == nil:
		return "begin " + s.process.String()
	}
	return s.process.String() + ": " + s.call.name + map[fate]string{diesBefore: ", and it dies before", diesAfter: ", and it dies after"}[s.fate]
}

// notes adds to the trace what no process did.
func (m *model) notes(text string) { m.trace = append(m.trace, traced{text: text}) }

// traced is the whole trace, a step a line.
func (m *model) traced() string {
	var b strings.Builder
	for _, s := range m.trace {
		b.WriteString(s.String() + "\n")
	}
	return b.String()
}
