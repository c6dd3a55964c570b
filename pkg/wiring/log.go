package wiring

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/lockwarden/lockwarden/pkg/payload"
)

// legibleLog escapes in what is logged what a terminal takes for a command: our runbooks show the log with aws logs tail, and whoever
// takes a lock writes its fields.
type legibleLog struct{ slog.Handler }

func (h legibleLog) Handle(ctx context.Context, r slog.Record) error {
	record := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		record.AddAttrs(legible(a))
		return true
	})
	return h.Handler.Handle(ctx, record)
}

func (h legibleLog) WithAttrs(attributes []slog.Attr) slog.Handler {
	all := make([]slog.Attr, len(attributes))
	for i, a := range attributes {
		all[i] = legible(a)
	}
	return legibleLog{h.Handler.WithAttrs(all)}
}

func (h legibleLog) WithGroup(name string) slog.Handler { return legibleLog{h.Handler.WithGroup(name)} }

func legible(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	if value.Kind() != slog.KindString && value.Kind() != slog.KindAny {
		return a
	}
	content := value.Any()
	if err, isError := content.(error); isError {
		content = err.Error()
	}
	raw, err := json.Marshal(content)
	if escaped := payload.Legible(raw); err == nil && len(escaped) != len(raw) {
		return slog.Any(a.Key, json.RawMessage(escaped))
	}
	return a
}
