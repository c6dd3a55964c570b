package payload_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lockwarden/lockwarden/pkg/payload"
)

func TestAnEventOfAServiceIsNotTakenFromADashboard(t *testing.T) {
	const records = `"Records":[{"messageId":"1","body":"forged"}]`
	for name, tc := range map[string]struct {
		event string
		want  error
		count int
	}{
		"of a queue":                     {"{" + records + "}", nil, 1},
		"a widget with its parameters":   {"{" + records + `,"widgetContext":{"dashboardName":"ours"}}`, payload.ErrDashboard, 0},
		"a widget that hides its sender": {"{" + records + `,"widgetContext":{"dashboardName":"ours"},"widgetcontext":null}`, payload.ErrDashboard, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var batch events.SQSEvent
			if err := payload.Event([]byte(tc.event), &batch); !errors.Is(err, tc.want) || len(batch.Records) != tc.count {
				t.Errorf("%d records, %v", len(batch.Records), err)
			}
		})
	}
	if err := payload.Event([]byte(`"text"`), &events.SQSEvent{}); err == nil {
		t.Error("a text is an event")
	}
}
