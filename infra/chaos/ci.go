package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ci stands in for GitHub: it knows the runs that clients are in, and answers as GitHub's
// API does about them. A run that is started again keeps its number, and has one attempt
// more.
type ci struct {
	now func() time.Time

	mu      sync.Mutex
	runs    map[string]*ciRun // by their number
	refuses int               // the status that it answers with in place of what it knows; 0: it answers
}

// ciRun is a run of a workflow, at its latest attempt.
type ciRun struct {
	attempt    int
	conclusion string // empty: it is in progress
	updated    time.Time
	before     *ciRun // how the API still described it a moment ago; nil: it is up to date
}

// repositoryID is GitHub's number of the one repository.
const repositoryID = "1"

func newCI(now func() time.Time) *ci { return &ci{now: now, runs: map[string]*ciRun{}} }

// session is the name that a pipeline gives its role's session, or its lock's tag.
func session(run string) string { return "gh-" + repositoryID + "-" + run }

// begin starts a run, or one more attempt of it.
func (c *ci) begin(run string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := &ciRun{attempt: 1, updated: c.now()}
	if was := c.runs[run]; was != nil {
		next.attempt = was.attempt + 1
	}
	c.runs[run] = next
}

// end completes a run.
func (c *ci) end(run, conclusion string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.runs[run]
	r.conclusion, r.updated, r.before = conclusion, c.now(), nil
}

// lag has the API describe a run as it was before its last attempt began.
func (c *ci) lag(run, conclusion string, ended time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.runs[run]
	r.before = &ciRun{attempt: r.attempt - 1, conclusion: conclusion, updated: ended}
}

// upToDate ends a lag.
func (c *ci) upToDate(run string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs[run].before = nil
}

// refuse has it answer every question with that status.
func (c *ci) refuse(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuses = status
}

// ServeHTTP answers what GitHub's API does: GET /repositories/{id}/actions/runs/{run}.
// https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run
func (c *ci) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, body := c.answer(r.URL.Path, r.Header.Get("Authorization"))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // its reader may be gone
}

// ciToken is what it wants to see.
const ciToken = "ghp_chaos"

func (c *ci) answer(path, authorisation string) (status int, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	number, is := strings.CutPrefix(path, "/repositories/"+repositoryID+"/actions/runs/")
	run := c.runs[number]
	switch {
	case c.refuses != 0:
		return c.refuses, []byte(`{"message":"Server Error"}`)
	case authorisation != "Bearer "+ciToken:
		return http.StatusUnauthorized, []byte(`{"message":"Bad credentials","status":"401"}`)
	case !is || run == nil:
		return http.StatusNotFound, []byte(`{"message":"Not Found","status":"404"}`)
	}
	if run.before != nil {
		run = run.before
	}
	answer := map[string]any{
		"id": json.Number(number), "status": "in_progress", "conclusion": nil, "run_attempt": run.attempt,
		"updated_at": run.updated.UTC().Format(time.RFC3339), "html_url": "https://github.com/o/r/actions/runs/" + number,
	}
	if run.conclusion != "" {
		answer["status"], answer["conclusion"] = "completed", run.conclusion
	}
	body, err := json.Marshal(answer)
	if err != nil {
		panic(fmt.Sprintf("a run's number is none: %q", number))
	}
	return http.StatusOK, body
}

// saysOver says whether an answer says that the run is completed.
func saysOver(body []byte) bool {
	var answer struct{ Status string }
	return json.Unmarshal(body, &answer) == nil && answer.Status == "completed"
}
