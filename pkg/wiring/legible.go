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
