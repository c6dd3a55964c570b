package wiring

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lockwarden/lockwarden/pkg/payload"
	"github.com/lockwarden/lockwarden/pkg/plain"
)

// maxError bounds an error that has what no terminal should get, in characters.
const maxError = 4000

// guarded is a handler whose events and answers may have text of whoever takes a lock in them.
type guarded struct{ handler lambda.Handler }

// Guard serves events as a handler does, of which nothing is left out, and answers with what a terminal shows as it is: our
// commands print answers, and errors, on the terminal of whoever calls.
func Guard(handler any) lambda.Handler { return guarded{lambda.NewHandler(handler)} }

// Invoke refuses an event that goes on behind its end. Go's decoder does not look there, nor does everything that invokes a function: a
// text that somebody put between the quotes of an event may end both, so that what its writer does not want is left out.
func (g guarded) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	if !json.Valid(event) {
		return nil, errors.New("the payload is not JSON, or has something behind it: a text may have quotation marks in it, so give it as a JSON string, as jq -Rs makes one")
	}
	answer, err := g.handler.Invoke(ctx, event)
	if err != nil {
		if text := err.Error(); len(payload.Legible([]byte(text))) != len(text) {
			return nil, errors.New(plain.Line(text, maxError))
		}
		return nil, err
	}
	return payload.Legible(answer), nil
}
