package run

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// status is what a source says of one run. Its zero value is an unknown one.
type status struct {
	State  policy.RunStatus // empty: unknown
	Ended  time.Time        // of an ended one; zero where the source does not say when
	URL    string           // of its page; empty: not known
	Detail string           // how it ended, what it does, or why it is unknown
}

func unknown(why string) status { return status{Detail: why} }

// all returns every reference the same unknown status.
func all(refs []Reference, why string) map[Reference]status {
	list := make(map[Reference]status, len(refs))
	for _, r := range refs {
		list[r] = unknown(why)
	}
	return list
}

// word is a word of an API, such as in_progress, or empty for anything else.
func word(text string) string {
	if len(text) > 40 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz_-") != "" {
		return ""
	}
	return text
}

// awsProblem says why a service of AWS gave no answer.
func awsProblem(service string, err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return service + " did not answer in time"
	}
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		return service + " refused to answer: " + fault.ErrorCode()
	}
	return service + " could not be asked: " + err.Error()
}
