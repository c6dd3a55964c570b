package stack_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/report"
)

// The schedule delivers a report's time with it, the same however often it delivers it: a
// report is published once for it. EventBridge Scheduler writes the time in place of the
// words in angle brackets.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
func TestTheScheduleOfTheReportNamesItsTime(t *testing.T) {
	schedules := 0
	template := load(t)
	for _, name := range template.Of("AWS::Scheduler::Schedule") {
		if !strings.HasPrefix(name, "ReportFunction") {
			continue
		}
		schedules++
		target, _ := template.Resources[name].Properties["Target"].(map[string]any)
		input, _ := target["Input"].(string)
		const due = "2026-11-23T08:00:00Z"
		request, err := report.ParseRequest(json.RawMessage(strings.ReplaceAll(input, "<aws.scheduler.scheduled-time>", due)))
		if err != nil || request.ScheduledTime.Format(time.RFC3339) != due {
			t.Errorf("%s: %s is %+v, %v", name, input, request, err)
		}
	}
	if schedules != 1 {
		t.Errorf("%d schedules", schedules)
	}
}
