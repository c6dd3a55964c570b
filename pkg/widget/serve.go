package widget

import (
	"context"
	"encoding/json"
	"log/slog"
)

// Serve makes a Lambda handler that answers machines in JSON and dashboards in HTML.
//
// handle does the work, and gets the context of the dashboard or nil; draw makes the
// page of its answer or of its error. A dashboard would show a failed invocation as
// raw JSON, so towards one an error is shown on the page, and logged.
func Serve[A any](
	handle func(ctx context.Context, payload json.RawMessage, at *Context) (A, error),
	draw func(at Context, answer A, err error) string,
) func(ctx context.Context, event json.RawMessage) (any, error) {
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		at, payload := Split(event)
		answer, err := handle(ctx, payload, at)
		if at == nil {
			return answer, err
		}
		if err != nil {
			slog.ErrorContext(ctx, "what a dashboard asked for failed", "error", err, "from", at.Place())
		}
		return draw(*at, answer, err), nil
	}
}
