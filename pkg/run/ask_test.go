package run

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/lockwarden/lockwarden/pkg/parameter"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

const hush = "ghp_hushhushhushhushhush"

var (
	taken = time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)
	ended = taken.Add(20 * time.Minute)
	now   = taken.Add(time.Hour)
)

// secrets is a parameter store.
type secrets map[string]string

func (s secrets) GetParameter(_ context.Context, name string) (parameter.Parameter, error) {
	value, ok := s[name]
	if !ok {
		return parameter.Parameter{}, &smithy.GenericAPIError{Code: "ParameterNotFound"}
	}
	return parameter.Parameter{Value: value, Type: parameter.SecureString}, nil
}

func noClients() Clients {
	return Clients{HTTP: NewClient(), Parameters: func() parameter.Client { return secrets{"gh-token": hush, "/gl/token": hush + "\n"} }}
}

// standIn is a CI system that answers each path with a text.
type standIn struct {
	*httptest.Server
	asked atomic.Int32
}

func newStandIn(t *testing.T, handler http.HandlerFunc) *standIn {
	t.Helper()
	s := &standIn{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		handler(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func ask(t *testing.T, s Settings, c Clients, locks ...Named) []*policy.Run {
	t.Helper()
	a, err := New(s, c, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for i := range locks {
		if locks[i].Taken.IsZero() {
			locks[i].Taken = taken
		}
	}
	return a.Ask(t.Context(), locks)
}

func TestWhatIsAskedOfWhom(t *testing.T) {
	var got *http.Request
	server := newStandIn(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		fmt.Fprint(w, `{"status":"running","web_url":"`+"https://gitlab.example/acme/infra/-/jobs/9"+`"}`)
	})
	for name, tc := range map[string]struct {
		settings Settings
		lock     Named
		path     string
		header   string
		value    string
	}{
		"GitHub, by numbers":       {settingsOf(server.URL, ""), Named{Session: "gh-123-456"}, "/repositories/123/actions/runs/456", "Authorization", "Bearer " + hush},
		"GitHub, by its page":      {settingsOf(server.URL+"/api/v3", ""), Named{Tag: server.URL + "/acme/infra/actions/runs/456"}, "/api/v3/repos/acme/infra/actions/runs/456", "Authorization", "Bearer " + hush},
		"GitLab, a pipeline":       {Settings{GitLabToken: "gl/token", GitLabURL: server.URL}, Named{Session: "GitLabRunner-7-8"}, "/api/v4/projects/7/pipelines/8", "Private-Token", hush},
		"GitLab, a job":            {Settings{GitLabToken: "/gl/token", GitLabURL: server.URL + "/ci/"}, Named{Tag: "gitlab-7-8-9"}, "/ci/api/v4/projects/7/jobs/9", "Private-Token", hush},
		"GitLab, a page of a job":  {Settings{GitLabToken: "/gl/token", GitLabURL: server.URL}, Named{Tag: server.URL + "/acme/infra/-/jobs/9"}, "/api/v4/projects/acme%2Finfra/jobs/9", "Private-Token", hush},
		"the tag's blanks are cut": {Settings{GitLabToken: "/gl/token", GitLabURL: server.URL}, Named{Tag: " gitlab-7-8 "}, "/api/v4/projects/7/pipelines/8", "Private-Token", hush},
	} {
		t.Run(name, func(t *testing.T) {
			ask(t, tc.settings, noClients(), tc.lock)
			if got.Method != http.MethodGet || got.URL.EscapedPath() != tc.path || got.Header.Get(tc.header) != tc.value || got.URL.RawQuery != "" {
				t.Errorf("%s %s with %s", got.Method, got.URL.EscapedPath(), got.Header)
			}
		})
	}
}

// Whatever a host answers, the token is in no word about it, and no other host is called.
func TestHostileAnswersAreUnknownAndTheTokenStaysSecret(t *testing.T) {
	elsewhere := newStandIn(t, says(`{"status":"completed","updated_at":"`+ended.Format(time.RFC3339)+`"}`))
	log := &strings.Builder{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(log, nil)))
	defer slog.SetDefault(before)
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(code)
			fmt.Fprint(w, `{"status":"completed","updated_at":"`+ended.Format(time.RFC3339)+`","token":"`+r.Header.Get("Authorization")+`"}`)
		}
	}
	raw := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprint(c, strings.ReplaceAll(text, "TOKEN", r.Header.Get("Authorization")))
			_ = c.Close()
		}
	}
	for name, handler := range map[string]http.HandlerFunc{
		"a redirect (301)": status(301), "a redirect (302)": status(302), "a redirect (307)": status(307), "a redirect (308)": status(308),
		"401": status(401), "403": status(403), "404": status(404), "410": status(410), "429": status(429), "500": status(500), "502": status(502), "201": status(201),
		"no HTTP, with the token in it": raw("HTTX TOKEN\r\n\r\n"),
		"a status with the token in it": raw("HTTP/1.1 TOKEN OK\r\n\r\n"),
		"a broken body":                 raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{TOKEN"),
		"a broken chunk":                raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nTOKEN\r\n"),
		"no answer":                     raw(""),
		"a huge header":                 raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n{}"),
		"the token as a status": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"status":%q,"html_url":"https://x/%s"}`, r.Header.Get("Authorization"), "a b")
		},
		"the token as a conclusion": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"status":"completed","conclusion":%q,"updated_at":"never"}`, r.Header.Get("Authorization"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newStandIn(t, handler)
			run := ask(t, settingsOf(server.URL, ""), noClients(), Named{Session: "gh-123-456"})[0]
			if run.Status != policy.RunUnknown || run.Detail == "" || run.Ended != nil {
				t.Errorf("%+v", run)
			}
			if body, _ := json.Marshal(run); strings.Contains(string(body)+run.Detail+log.String(), hush) {
				t.Errorf("%s %s %s", body, run.Detail, log)
			}
		})
	}
	if n := elsewhere.asked.Load(); n != 0 {
		t.Errorf("another host was asked %d times", n)
	}
}

func TestTokensThatAreNone(t *testing.T) {
	server := newStandIn(t, says(`{"status":"completed","updated_at":"2026-11-28T11:00:00Z"}`))
	for name, store := range map[string]secrets{
		"it is not there":               {},
		"it is empty":                   {"gh-token": " "},
		"it has a line break":           {"gh-token": "hush\nX-Evil: 1"},
		"it has characters of no token": {"gh-token": "hush\u00e9"},
	} {
		run := ask(t, settingsOf(server.URL, ""), Clients{HTTP: NewClient(), Parameters: func() parameter.Client { return store }}, Named{Session: "gh-1-2"})[0]
		if run.Status != policy.RunUnknown || !strings.Contains(run.Detail, "gh-token") || strings.Contains(run.Detail, "hush") {
			t.Errorf("%s: %+v", name, run)
		}
	}
	if n := server.asked.Load(); n != 0 {
		t.Errorf("asked %d times without a token", n)
	}
}

func TestTwoNamedRunsDecideTogether(t *testing.T) {
	server := newStandIn(t, func(w http.ResponseWriter, r *http.Request) {
		n := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		switch n {
		case "1":
			fmt.Fprint(w, `{"status":"completed","updated_at":"2026-11-28T10:20:00Z"}`)
		case "2":
			fmt.Fprint(w, `{"status":"completed","updated_at":"2026-11-28T10:30:00Z"}`)
		case "3":
			fmt.Fprint(w, `{"status":"in_progress"}`)
		default:
			w.WriteHeader(404)
		}
	})
	for _, tc := range []struct {
		session, tag, tagsProblem string
		status                    policy.RunStatus
		id                        string
	}{
		{"gh-9-1", "gh-9-2", "", policy.RunEnded, "2"},
		{"gh-9-2", "gh-9-1", "", policy.RunEnded, "2"},
		{"gh-9-1", "gh-9-1-1", "", policy.RunEnded, "1"},
		{"gh-9-1", "gh-9-3", "", policy.RunInProgress, "3"},
		{"gh-9-3", "gh-9-1", "", policy.RunInProgress, "3"},
		{"gh-9-3", "gh-9-4", "", policy.RunInProgress, "3"},
		{"gh-9-4", "gh-9-3", "", policy.RunInProgress, "3"},
		{"gh-9-1", "gh-9-4", "", policy.RunUnknown, "4"},
		{"gh-9-4", "gh-9-1", "", policy.RunUnknown, "4"},
		{"gh-9-1", "gitlab-1-2", "", policy.RunUnknown, "2"},                              // GitLab is not asked
		{"gh-9-1", "https://evil.example/a/b/actions/runs/1", "", policy.RunUnknown, "1"}, // it may be another run
		{"gh-9-3", "jenkins-77", "", policy.RunInProgress, "3"},
		{"gh-9-1", "", "access denied", policy.RunUnknown, "1"},
		{"gh-9-3", "", "access denied", policy.RunInProgress, "3"},
		{"GitHubActions", "gh-9-1", "", policy.RunEnded, "1"},
		{"alice", "", "", "", ""},
		{"", "jenkins-77", "", "", ""},
	} {
		run := ask(t, settingsOf(server.URL, ""), noClients(), Named{Session: tc.session, Tag: tc.tag, TagsProblem: tc.tagsProblem})[0]
		if run == nil {
			run = &policy.Run{}
		}
		if run.Status != tc.status || run.ID != tc.id || (run.Status == policy.RunUnknown && run.Detail == "") || (run.Ended != nil) != (run.Status == policy.RunEnded) {
			t.Errorf("%s and %s: %+v", tc.session, tc.tag, run)
		}
	}
}
