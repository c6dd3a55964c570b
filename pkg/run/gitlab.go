package run

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

func newGitLab(s site, client *http.Client, secret *token) *web {
	return &web{name: "GitLab", site: s, client: client, token: secret, header: func(h http.Header, token string) {
		h.Set("Accept", "application/json")
		h.Set("Private-Token", token)
	}}
}

// The statuses of a pipeline and of a job. Others (created, manual, scheduled) prove
// nothing: a job waits for somebody to start it. https://docs.gitlab.com/api/pipelines/
var (
	gitlabEnded      = []string{"success", "failed", "canceled", "skipped"}
	gitlabInProgress = []string{"running", "pending", "preparing", "waiting_for_resource", "canceling"}
)

// gitlabStatus asks about one pipeline or job.
func gitlabStatus(ctx context.Context, w *web, r Reference) status {
	var answer struct {
		Status     string `json:"status"`
		FinishedAt string `json:"finished_at"`
		UpdatedAt  string `json:"updated_at"`
		WebURL     string `json:"web_url"`
	}
	kind := "/pipelines/"
	if r.Job {
		kind = "/jobs/"
	}
	if err := w.get(ctx, "/projects/"+url.PathEscape(r.Project)+kind+r.ID, &answer); err != nil {
		return unknown(err.Error())
	}
	s := status{URL: page(answer.WebURL)}
	switch {
	case slices.Contains(gitlabEnded, answer.Status):
		s.end(cmp.Or(answer.FinishedAt, answer.UpdatedAt), word(answer.Status))
	case slices.Contains(gitlabInProgress, answer.Status):
		s.State, s.Detail = policy.RunInProgress, word(answer.Status)
	default:
		s.Detail = "GitLab gives it a status that is neither ended nor in progress"
	}
	return s
}
