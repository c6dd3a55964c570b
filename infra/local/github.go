package local

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"
)

// GitHub stands in for GitHub's API: it answers about the workflow runs of one repository as
// GitHub does, and knows no others. A run that is started again keeps its number, and has one
// attempt more.
type GitHub struct {
	URL  string // of the API
	Stop func() // ends it

	repository string
	now        func() time.Time

	mu      sync.Mutex
	runs    map[string]*workflowRun // by their number
	refuses int                     // the status that it answers with in place of what it knows; 0: it answers
}

// GitHubToken is what it wants to see.
const GitHubToken = "ghp_local"

// workflowRun is one at its latest attempt, as GitHub describes it, less what nobody here reads.
type workflowRun struct {
	ID         json.Number `json:"id"`
	Attempt    int         `json:"run_attempt"`
	Status     string      `json:"status"`
	Conclusion *string     `json:"conclusion"`
	UpdatedAt  string      `json:"updated_at"`
	HTMLURL    string      `json:"html_url"`

	before *workflowRun // how the API still describes it; nil: it is up to date
}

// NewGitHub makes one that nobody can call yet, for the repository with that ID.
func NewGitHub(repository string, now func() time.Time) *GitHub {
	return &GitHub{repository: repository, now: now, runs: map[string]*workflowRun{}}
}

// StartGitHub starts one on a free port.
func StartGitHub(repository string) (*GitHub, error) {
	g := NewGitHub(repository, time.Now)
	url, stop, err := Serve(http.StripPrefix("/api/v3", g))
	g.URL, g.Stop = url+"/api/v3", stop
	return g, err
}

// Session is the name that a pipeline gives its role's session, or its lock's tag, in a run, see
// docs/witness.md.
func (g *GitHub) Session(run string) string { return "gh-" + g.repository + "-" + run }

// Begin starts a run, or one more attempt of it.
func (g *GitHub) Begin(run string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	attempt := 1
	if was := g.runs[run]; was != nil {
		attempt = was.Attempt + 1
	}
	g.runs[run] = &workflowRun{Attempt: attempt, Status: "in_progress", UpdatedAt: stamp(g.now())}
}

// End says that the run, or its latest attempt, ended at that time.
func (g *GitHub) End(run, conclusion string, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	attempt := 1
	if was := g.runs[run]; was != nil {
		attempt = was.Attempt
	}
	g.runs[run] = ended(attempt, conclusion, at)
}

func ended(attempt int, conclusion string, at time.Time) *workflowRun {
	return &workflowRun{Attempt: attempt, Status: "completed", Conclusion: &conclusion, UpdatedAt: stamp(at)}
}

// stamp is a time as GitHub writes it, in whole seconds.
func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// Lag has the API describe a run as it was before its last attempt began, until UpToDate.
func (g *GitHub) Lag(run, conclusion string, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.runs[run].before = ended(g.runs[run].Attempt-1, conclusion, at)
}

// UpToDate ends a lag.
func (g *GitHub) UpToDate(run string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.runs[run].before = nil
}

// Refuse has it answer every question with that status.
func (g *GitHub) Refuse(status int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuses = status
}

// ServeHTTP answers GET /repositories/{id}/actions/runs/{run}.
// https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run
func (g *GitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, body := g.Answer(r.URL.Path, r.Header.Get("Authorization"))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // JSON, for a machine; its reader may be gone
}

// Answer is that to a request for this path by whoever authenticates so.
func (g *GitHub) Answer(path, authorisation string) (status int, body []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	number, is := strings.CutPrefix(path, "/repositories/"+g.repository+"/actions/runs/")
	run := g.runs[number]
	switch {
	case g.refuses != 0:
		return g.refuses, []byte(`{"message":"Server Error"}`)
	case authorisation != "Bearer "+GitHubToken:
		return http.StatusUnauthorized, []byte(`{"message":"Bad credentials","status":"401"}`)
	case !is || run == nil:
		return http.StatusNotFound, []byte(`{"message":"Not Found","status":"404"}`)
	case run.before != nil:
		run = run.before
	}
	answer := *run
	answer.ID, answer.HTMLURL = json.Number(number), "https://github.example.com/acme/infra/actions/runs/"+number
	body, err := json.Marshal(answer)
	if err != nil {
		panic(err) // a run's number is none
	}
	return http.StatusOK, body
}

// SaysOver reports whether an answer says that the run is completed.
func SaysOver(body []byte) bool {
	var answer struct{ Status string }
	return json.Unmarshal(body, &answer) == nil && answer.Status == "completed"
}
