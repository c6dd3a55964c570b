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

// whole refuses an event that goes on behind its end, which Go's decoder does not look at, nor does all that invokes a function: a
// text that somebody put between the quotes of an event may end both, and what its writer does not want is left out.
type whole struct{ lambda.Handler }

func (h whole) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	if !json.Valid(event) {
		return nil, errors.New("the payload is not JSON, or has something behind it: a text may have quotation marks in it, so give it as a JSON string, as jq -Rs makes one")
	}
	return h.Handler.Invoke(ctx, event)
}

// Whole serves events of which nothing is left out.
func Whole(handler any) lambda.Handler { return whole{lambda.NewHandler(handler)} }

// Legible serves events as a handler does. Our commands print the answer as it is on the terminal of whoever calls, and
// so does Lambda with an error: whoever takes a lock writes its fields.
func Legible(handler any) func(context.Context, json.RawMessage) (json.RawMessage, error) {
	inner := lambda.NewHandler(handler)
	return func(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
		answer, err := inner.Invoke(ctx, event)
		if err != nil {
			if text := err.Error(); len(payload.Legible([]byte(text))) != len(text) {
				return nil, errors.New(plain.Line(text, maxError))
			}
			return nil, err
		}
		return payload.Legible(answer), nil
	}
}
