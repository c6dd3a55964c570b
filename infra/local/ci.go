package local

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// GitHub stands in for GitHub's API: it answers about workflow runs as GitHub does, and
// knows no others.
// https://docs.github.com/en/rest/actions/workflow-runs#get-a-workflow-run
type GitHub struct {
	URL   string // of the API
	Token string // that it accepts

	server *http.Server
	mu     sync.Mutex
	runs   map[string]workflowRun // by the path of the request
	asked  []string               // the paths that were asked for with the token, in order
}

// workflowRun is what GitHub says of one, less what nobody here reads.
type workflowRun struct {
	ID         int64   `json:"id"`
	Attempt    int     `json:"run_attempt"`
	Status     string  `json:"status"`
	Conclusion *string `json:"conclusion"`
	UpdatedAt  string  `json:"updated_at"`
	HTMLURL    string  `json:"html_url"`
}

// StartGitHub starts one on a free port. It ends with Stop.
func StartGitHub() (*GitHub, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &GitHub{URL: "http://" + listener.Addr().String() + "/api/v3", Token: "ghp_local", runs: map[string]workflowRun{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v3/", g.answer)
	g.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go g.server.Serve(listener) //nolint:errcheck // Stop ends it
	return g, nil
}

// Stop ends it.
func (g *GitHub) Stop() { _ = g.server.Close() }

// Start says that a run of the repository with that ID is in progress.
func (g *GitHub) Start(repository, run int64) {
	g.set(repository, workflowRun{ID: run, Attempt: 1, Status: "in_progress", UpdatedAt: stamp(time.Now())})
}

// Cancel says that a run was cancelled, and ended at that time.
func (g *GitHub) Cancel(repository, run int64, at time.Time) {
	conclusion := "cancelled"
	g.set(repository, workflowRun{ID: run, Attempt: 1, Status: "completed", Conclusion: &conclusion, UpdatedAt: stamp(at)})
}

// Session is the name of a run's session, as docs/witness.md has pipelines set it.
func (g *GitHub) Session(repository, run int64) string {
	return fmt.Sprintf("gh-%d-%d-1", repository, run)
}

// Asked are the paths of the API that were asked for, in order.
func (g *GitHub) Asked() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked[:len(g.asked):len(g.asked)]
}

// stamp is a time as GitHub writes it, in whole seconds.
func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

func (g *GitHub) set(repository int64, r workflowRun) {
	r.HTMLURL = fmt.Sprintf("https://github.example.com/acme/infra/actions/runs/%d", r.ID)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.runs[fmt.Sprintf("/api/v3/repositories/%d/actions/runs/%d", repository, r.ID)] = r
}

func (g *GitHub) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if r.Header.Get("Authorization") != "Bearer "+g.Token {
		http.Error(w, `{"message":"Bad credentials","status":"401"}`, http.StatusUnauthorized)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, r.URL.Path)
	run, known := g.runs[r.URL.Path]
	if !known {
		http.Error(w, `{"message":"Not Found","status":"404"}`, http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(run)
}
