package run

import (
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

func TestGitHubRuns(t *testing.T) {
	at := ended.Format(time.RFC3339)
	for name, tc := range map[string]struct {
		answer string
		status policy.RunStatus
		detail string
	}{
		"a completed run has ended":           {`{"status":"completed","conclusion":"cancelled","updated_at":"` + at + `"}`, policy.RunEnded, "cancelled"},
		"a queued one is in progress":         {`{"status":"queued","updated_at":"` + at + `"}`, policy.RunInProgress, "queued"},
		"a running one is in progress":        {`{"status":"in_progress"}`, policy.RunInProgress, "in_progress"},
		"a waiting one is in progress":        {`{"status":"waiting"}`, policy.RunInProgress, "waiting"},
		"a requested one is in progress":      {`{"status":"requested"}`, policy.RunInProgress, ""},
		"a pending one is in progress":        {`{"status":"pending"}`, policy.RunInProgress, ""},
		"a status of the future is unknown":   {`{"status":"hibernating"}`, policy.RunUnknown, "not known here"},
		"COMPLETED is no status":              {`{"status":"COMPLETED","updated_at":"` + at + `"}`, policy.RunUnknown, "not known here"},
		"no status is unknown":                {`{}`, policy.RunUnknown, "not known here"},
		"an end without a time is unknown":    {`{"status":"completed"}`, policy.RunUnknown, "when is not said"},
		"an end at no time is unknown":        {`{"status":"completed","updated_at":"yesterday"}`, policy.RunUnknown, "when is not said"},
		"an end before the lock is unknown":   {`{"status":"completed","updated_at":"2026-11-28T09:59:59Z"}`, policy.RunUnknown, "before this lock was taken"},
		"an end with the lock is its end":     {`{"status":"completed","updated_at":"2026-11-28T10:00:00Z"}`, policy.RunEnded, ""},
		"an earlier attempt's end is unknown": {`{"status":"completed","run_attempt":1,"updated_at":"` + at + `"}`, policy.RunUnknown, "attempt"},
		"HTML is unknown":                     {`<!doctype html><h1>completed</h1>`, policy.RunUnknown, "not what its API describes"},
		"a list is unknown":                   {`[{"status":"completed"}]`, policy.RunUnknown, "not what its API describes"},
		"a number as status is unknown":       {`{"status":1,"updated_at":"` + at + `"}`, policy.RunUnknown, "not what its API describes"},
		"a number as time is unknown":         {`{"status":"completed","updated_at":1764324000}`, policy.RunUnknown, "not what its API describes"},
		"two answers are unknown":             {`{"status":"completed","updated_at":"` + at + `"}{}`, policy.RunUnknown, "not what its API describes"},
		"half an answer is unknown":           {`{"status":"completed","updated_at":"` + at, policy.RunUnknown, "not what its API describes"},
		"nothing is unknown":                  {``, policy.RunUnknown, "not what its API describes"},
		"a huge answer is unknown":            {`{"status":"completed","updated_at":"` + at + `","x":"` + strings.Repeat("x", maxBody) + `"}`, policy.RunUnknown, "larger"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newStandIn(t, says(tc.answer))
			run := ask(t, settingsOf(server.URL+"/api/v3/", ""), noClients(), Named{Session: "gh-123-456-2"})[0]
			if run == nil || run.Source != policy.GitHub || run.ID != "456" || run.Status != tc.status || !strings.Contains(run.Detail, tc.detail) {
				t.Fatalf("%+v", run)
			}
			if (run.Ended != nil) != (tc.status == policy.RunEnded) {
				t.Errorf("ended at %v", run.Ended)
			}
		})
	}
}

func TestGitLabRuns(t *testing.T) {
	at := ended.Format(time.RFC3339Nano)
	for status, want := range map[string]policy.RunStatus{
		"success": policy.RunEnded, "failed": policy.RunEnded, "canceled": policy.RunEnded, "skipped": policy.RunEnded,
		"running": policy.RunInProgress, "pending": policy.RunInProgress, "preparing": policy.RunInProgress, "waiting_for_resource": policy.RunInProgress, "canceling": policy.RunInProgress,
		"created": policy.RunUnknown, "manual": policy.RunUnknown, "scheduled": policy.RunUnknown, "": policy.RunUnknown, "cancelled": policy.RunUnknown,
	} {
		for _, field := range []string{"finished_at", "updated_at"} {
			server := newStandIn(t, says(`{"status":"`+status+`","`+field+`":"`+at+`","web_url":"javascript:alert(1)"}`))
			run := ask(t, Settings{GitLabToken: "/gl/token", GitLabURL: server.URL}, noClients(), Named{Session: "gitlab-7-8-9"})[0]
			if run.Status != want || run.ID != "9" || run.Source != policy.GitLab || run.URL != "" || (want == policy.RunEnded && !run.Ended.Equal(ended)) {
				t.Errorf("%s by %s: %+v", status, field, run)
			}
		}
	}
	server := newStandIn(t, says(`{"status":"failed","finished_at":null,"updated_at":"`+at+`"}`))
	if run := ask(t, Settings{GitLabToken: "/gl/token", GitLabURL: server.URL}, noClients(), Named{Session: "gitlab-7-8"})[0]; run.Status != policy.RunEnded {
		t.Errorf("%+v", run)
	}
}
