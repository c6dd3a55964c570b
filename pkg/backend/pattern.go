package backend

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// wildcard stands for any characters in the name of a watched table or bucket, none
// included.
const wildcard = "*"

// pattern is a configured ARN whose name has a wildcard: it watches whatever matches.
type pattern struct {
	text string // the ARN as it is configured
	arn  arn.ARN
	name string // of the table or bucket
}

func (p pattern) matches(name string) bool { return matches(p.name, name) }

// prefix is how every name that matches begins.
func (p pattern) prefix() string {
	before, _, _ := strings.Cut(p.name, wildcard)
	return before
}

// Covers reports whether a configured ARN is that of a store, or has a `*` in its name and
// matches it.
func Covers(configured, store string) bool { return matches(configured, store) }

// matches reports whether a text is a pattern with each wildcard replaced by something.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, wildcard)
	if len(parts) == 1 {
		return pattern == text
	}
	rest, begins := strings.CutPrefix(text, parts[0])
	last := len(parts) - 1
	rest, ends := strings.CutSuffix(rest, parts[last])
	if !begins || !ends {
		return false
	}
	for _, part := range parts[1:last] { // the first place of each leaves the most for the next
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return true
}
