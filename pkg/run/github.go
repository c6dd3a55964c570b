package run

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

func newGitHub(s site, client *http.Client, secret *token) *web {
	return &web{name: "GitHub", site: s, client: client, token: secret, header: func(h http.Header, token string) {
		h.Set("Accept", "application/vnd.github+json")
		h.Set("X-Github-Api-Version", "2022-11-28")
		h.Set("Authorization", "Bearer "+token)
	}}
}

// githubInProgress are the statuses of a run that is not completed.
// https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run
var githubInProgress = []string{"queued", "in_progress", "waiting", "requested", "pending"}

// githubStatus asks about one run. GitHub keeps its number through every attempt: an
// answer about an earlier attempt than the one that took the lock proves nothing.
func githubStatus(ctx context.Context, w *web, r Reference) status {
	var answer struct {
		Status     string `json:"status"`
		Conclusion string `json:"conclusion"`
		UpdatedAt  string `json:"updated_at"`
		HTMLURL    string `json:"html_url"`
		Attempt    int    `json:"run_attempt"`
	}
	project := "/repos/" + r.Project
	if isNumber(r.Project) {
		project = "/repositories/" + r.Project
	}
	if err := w.get(ctx, project+"/actions/runs/"+r.ID, &answer); err != nil {
		return unknown(err.Error())
	}
	s := status{URL: page(answer.HTMLURL)}
	switch {
	case answer.Attempt > 0 && r.Attempt > answer.Attempt:
		s.Detail = "GitHub does not know that attempt of it yet"
	case answer.Status == "completed":
		s.end(answer.UpdatedAt, word(answer.Conclusion))
	case slices.Contains(githubInProgress, answer.Status):
		s.State, s.Detail = policy.RunInProgress, word(answer.Status)
	default:
		s.Detail = "GitHub gives it a status that is not known here"
	}
	return s
}

// end makes a status of one that ended at that time, as an API writes it (RFC 3339). A run
// without a readable end is unknown: it may have ended before the lock was taken.
func (s *status) end(at, how string) {
	ended, err := time.Parse(time.RFC3339, at)
	if err != nil || ended.IsZero() {
		s.Detail = "it has ended, and when is not said"
		return
	}
	s.State, s.Ended, s.Detail = policy.RunEnded, ended.UTC(), how
}
