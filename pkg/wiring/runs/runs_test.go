package runs_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/wiring/runs"
)

// built are the clients of AWS's services that were made, by the SDK's IDs: each asks for
// its endpoint when it is made.
type built struct {
	mu       sync.Mutex
	clients  []string
	endpoint string
}

func (b *built) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clients = append(b.clients, sdkID)
	return b.endpoint, true, nil
}

func (b *built) list() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(b.clients)))
}

// store is a parameter store in which every parameter has this value.
func store(t *testing.T, value string) *built {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{"Name": "settings", "Type": "String", "Value": value}})
	}))
	t.Cleanup(server.Close)
	return &built{endpoint: server.URL}
}

func (b *built) config() aws.Config {
	return aws.Config{Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("x", "x", ""), ConfigSources: []any{b}}
}

const none = `{"github":{"token":"","url":"https://api.github.com"},"gitlab":{"token":"","url":"https://gitlab.com"},"aws":false,"auto":{"locks":"","mode":"report"}}`

// A function starts without the clients that only questions about runs take, and asks with
// those alone that are configured.
func TestClientsThatAreNotConfiguredAreNotMade(t *testing.T) {
	for name, tc := range map[string]struct {
		settings string
		want     []string
	}{
		"nothing is configured": {none, []string{"SSM"}},
		"GitHub":                {strings.Replace(none, `"token":""`, `"token":"/team/github"`, 1), []string{"SSM"}},
		"CodeBuild and EC2":     {strings.Replace(none, `"aws":false`, `"aws":true`, 1), []string{"CodeBuild", "SSM"}}, // EC2 is one signed call without a client
	} {
		t.Run(name, func(t *testing.T) {
			b := store(t, tc.settings)
			opened := runs.Name{Parameter: "settings"}.Open(b.config())
			runs.NewReleaser(b.config(), "unlock")
			if got := b.list(); len(got) > 0 {
				t.Errorf("made at the start: %q", got)
			}
			if _, err := opened.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := b.list(); !slices.Equal(got, tc.want) {
				t.Errorf("made %q, want %q", got, tc.want)
			}
		})
	}
	if (runs.Name{}).Open(aws.Config{}) != nil {
		t.Error("without settings somebody is asked")
	}
}

// What the template writes is read, again each time; what it does not write is an error that
// shows no value of a secret.
func TestSettings(t *testing.T) {
	s, err := runs.Parse(`{"github":{"token":"/team/github","url":"https://git.acme.example/api/v3"},"gitlab":{"token":"/team/gitlab","url":"https://gitlab.com"},"aws":true,"auto":{"locks":"*/env/**","mode":"release"}}`)
	if err != nil || s.Asks.GitHubToken != "/team/github" || s.Asks.GitLabToken != "/team/gitlab" || !s.Asks.AWS || s.Auto.Mode != policy.AutoRelease || !s.Auto.Locks.Matches("b/env/k", "") {
		t.Errorf("%+v, %v", s, err)
	}
	for name, text := range map[string]string{
		"nothing":            "",
		"an unknown mode":    strings.Replace(none, `"mode":"report"`, `"mode":"always"`, 1),
		"an unknown field":   strings.Replace(none, `"aws":false`, `"aws":false,"azure":true`, 1),
		"a glob that is not": strings.Replace(none, `"locks":""`, `"locks":"a[**"`, 1),
		"a URL that is none": strings.NewReplacer(`"token":"","url":"https://api.github.com"`, `"token":"t","url":"api.github.com"`).Replace(none),
	} {
		if _, err := runs.Parse(text); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
