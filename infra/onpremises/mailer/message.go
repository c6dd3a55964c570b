package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// message is one that waits for the mail server.
type message struct {
	Subject   string    `json:"subject"`
	Text      string    `json:"text"`
	Type      string    `json:"type,omitempty"` // of the event, as its attribute has it
	Paths     []string  `json:"paths,omitempty"`
	Published time.Time `json:"published"`
	Tries     int       `json:"tries,omitempty"` // how often the server did not take the text

	// Bare is the text of a notice without the names of prefixes, in case the server does not take those either;
	// only a notice has it.
	Bare string `json:"bare,omitempty"`
}

const (
	refusedSubject = "[Lockwarden] The mail server refuses a message"
	putOffSubject  = "[Lockwarden] The mail server puts a message off"
)

// notice tells people of a message that the server does not take. Nothing that somebody may have written into a lock is in it: the server's own words
// may quote that. A top-level prefix is a team's, so that its name is not for whoever takes a lock in it to choose.
func (m message) notice(e *textError, fate string, now time.Time) message {
	subject, kind := putOffSubject, ""
	if e.permanent() {
		subject = refusedSubject
	}
	if m.Type != "" {
		kind = m.Type + ", "
	}
	bare := fmt.Sprintf("A message of Lockwarden (%spublished at %s) is not taken by the mail server (%d; the log of the mailer has its words), maybe for what somebody "+
		"wrote into a lock or a path. %s\n\nAll locks are in the answer of: invoke monitor\n", kind, m.Published.UTC().Format(time.RFC3339), e.code, fate)
	text := bare
	if prefixes := m.prefixes(); prefixes != "" {
		text += "\nIt is about states under " + prefixes + others(m.Paths) + ".\n"
	}
	return message{Subject: subject, Text: text, Bare: bare, Published: now}
}

// others says that a list of paths has those that SNS has room for: whoever has many states with long names takes that of others.
func others(paths []string) string {
	if len(paths) > 1 {
		return ", and maybe others"
	}
	return ""
}

// maxPrefixes bounds the names in a notice.
const maxPrefixes = 50

func (m message) prefixes() string {
	var names []string
	for _, path := range m.Paths {
		if name := plain.Quoted(tflock.Path(path).Prefix()); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if more := len(names) - maxPrefixes; more > 0 {
		names = append(names[:maxPrefixes], fmt.Sprintf("%d more prefixes", more))
	}
	return strings.Join(names, ", ")
}
