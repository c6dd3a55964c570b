package run

import (
	"net/url"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

func TestNamesLeadToRuns(t *testing.T) {
	const uuid = "1f0a3c2e-9b7d-4e11-8a55-0c1d2e3f4a5b"
	for text, want := range map[string]Reference{
		"gh-123-456":                            {Source: policy.GitHub, Project: "123", ID: "456"},
		"gh-123-456-2":                          {Source: policy.GitHub, Project: "123", ID: "456", Attempt: 2},
		"GitLabRunner-7-8":                      {Source: policy.GitLab, Project: "7", ID: "8"},
		"gitlab-7-8":                            {Source: policy.GitLab, Project: "7", ID: "8"},
		"gitlab-7-8-9":                          {Source: policy.GitLab, Project: "7", ID: "9", Job: true},
		"AWSCodeBuild-" + uuid:                  {Source: policy.CodeBuild, ID: uuid},
		"i-0123456789abcdef0":                   {Source: policy.EC2, ID: "i-0123456789abcdef0"},
		"i-1a2b3c4d":                            {Source: policy.EC2, ID: "i-1a2b3c4d"},
		"gh-9223372036854775807-1":              {Source: policy.GitHub, Project: "9223372036854775807", ID: "1"},
		"gh-1-2-9999999999999999":               {Source: policy.GitHub, Project: "1", ID: "2", Attempt: 999999999},
		"GitLabRunner-7-8-9":                    {}, // no runner writes a job there
		"gh-123":                                {},
		"gh-123-456-2-1":                        {},
		"gh-123-0456":                           {},
		"gh-0-456":                              {},
		"gh--456":                               {},
		"gh-123-456-":                           {},
		"gh-١٢٣-456":                            {}, // digits, but none of an ID
		"gh-123-99999999999999999999":           {},
		"GH-123-456":                            {},
		" gh-123-456":                           {},
		"gh-123-456/../../user":                 {},
		"gitlab-a-b":                            {},
		"AWSCodeBuild-" + strings.ToUpper(uuid): {},
		"AWSCodeBuild-1234":                     {},
		"i-0123456789ABCDEF0":                   {},
		"i-0123":                                {},
		"GitHubActions":                         {},
		"runner@fv-az":                          {},
		"":                                      {},
	} {
		got, ok := Parse(text)
		if ok != (want != Reference{}) || (ok && got != want) {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
}

func TestPagesOfRunsAreThoseOfTheConfiguredHost(t *testing.T) {
	run := Reference{Source: policy.GitHub, Project: "acme/infra", ID: "77"}
	second := run
	second.Attempt = 2
	pipeline := Reference{Source: policy.GitLab, Project: "acme/group/infra", ID: "77"}
	job := Reference{Source: policy.GitLab, Project: "acme/infra", ID: "77", Job: true}
	none := Reference{}
	for _, tc := range []struct {
		github, gitlab string // the configured URL of one of them
		tag            string
		want           Reference
	}{
		{"https://api.github.com", "", "https://github.com/acme/infra/actions/runs/77", run},
		{"https://api.github.com/", "", "https://github.com/acme/infra/actions/runs/77/", run},
		{"https://api.github.com", "", "https://github.com/acme/infra/actions/runs/77/attempts/2", second},
		{"https://api.github.com", "", "https://github.com/acme/infra/actions/runs/77/job/123456", run},
		{"https://api.github.com", "", "https://github.com/acme/infra/actions/runs/77/attempts/2/job/1", second},
		{"https://api.acme.ghe.com", "", "https://acme.ghe.com/acme/infra/actions/runs/77", run},
		{"https://git.acme.example/api/v3", "", "https://git.acme.example/acme/infra/actions/runs/77", run},
		{"https://git.acme.example/api/v3/", "", "https://git.acme.example/acme/infra/actions/runs/77", run},
		{"http://git.acme.example:8080/github/api/v3", "", "http://git.acme.example:8080/github/acme/infra/actions/runs/77", run},
		{"http://127.0.0.1:4000", "", "http://127.0.0.1:4000/acme/infra/actions/runs/77", run},
		{"", "https://gitlab.com", "https://gitlab.com/acme/group/infra/-/pipelines/77", pipeline},
		{"", "https://gitlab.com/", "https://gitlab.com/acme/infra/-/jobs/77", job},
		{"", "http://ci.example:8080/gitlab/", "http://ci.example:8080/gitlab/acme/infra/-/jobs/77", job},

		{"https://api.github.com", "", "http://github.com/acme/infra/actions/runs/77", none},
		{"https://api.github.com", "", "https://github.com:8443/acme/infra/actions/runs/77", none},
		{"https://api.github.com", "", "https://api.github.com/acme/infra/actions/runs/77", none},
		{"https://api.github.com", "", "https://github.com.evil.example/acme/infra/actions/runs/77", none},
		{"https://api.github.com", "", "https://github.com@evil.example/acme/infra/actions/runs/77", none},
		{"https://api.github.com", "", "https://evil.example/https://github.com/acme/infra/actions/runs/77", none},
		{"https://api.github.com", "", "https://github.com/acme/../actions/runs/77", none},
		{"https://api.github.com", "", "https://github.com/acme/infra/actions/runs/77?x=1", none},
		{"https://api.github.com", "", "https://github.com/acme/infra/actions/runs/77#x", none},
		{"https://api.github.com", "", "https://github.com/acme/infra/actions/runs/0x4d", none},
		{"https://api.github.com", "", "https://github.com/acme/inf%2Fra/actions/runs/77", none},
		{"https://api.github.com", "", "https://github.com/acme/infra/actions/runs/77/artifacts/1", none},
		{"https://api.github.com", "", "https://github.com/acme/infra/actions/runs", none},
		{"https://api.evil.example", "", "https://evil.example/acme/infra/actions/runs/77", none}, // only GitHub's own have api. in front
		{"https://api.notghe.com", "", "https://notghe.com/acme/infra/actions/runs/77", none},
		{"", "https://gitlab.com", "https://gitlab.com/infra/-/pipelines/77", none},
		{"", "https://gitlab.com", "https://gitlab.com/acme/infra/pipelines/77", none},
		{"", "https://gitlab.com", "https://gitlab.com/acme/infra/-/pipelines/77/jobs", none},
		{"", "https://gitlab.com", "https://gitlab.com/acme/infra/-/merge_requests/77", none},
		{"", "https://gitlab.com", "https://github.com/acme/infra/actions/runs/77", none},
	} {
		a, err := New(settingsOf(tc.github, tc.gitlab), noClients(), nil)
		if err != nil {
			t.Fatalf("%s%s: %v", tc.github, tc.gitlab, err)
		}
		got, ok := a.tag(tc.tag)
		if ok != (tc.want != none) || (ok && got != tc.want) {
			t.Errorf("%s with %s%s: %+v, %v", tc.tag, tc.github, tc.gitlab, got, ok)
		}
	}
}

func TestURLsOfSystemsThatNobodyCouldAsk(t *testing.T) {
	for _, address := range []string{
		"", "github.example.com", "ftp://github.example.com", "https://", "https://user:hush@github.example.com", "https://github.example.com?x=1",
		"https://github.example.com/#x", "https://github.example.com/a/../b", "https://github.example.com/%2e%2e/b", "https://github example.com", "mailto:a@b",
	} {
		for _, s := range []Settings{settingsOf(address+" ", ""), settingsOf("", address+" "), settingsOf(address, "")} {
			if s.GitHubToken == "" && s.GitLabToken == "" {
				continue
			}
			_, err := New(s, noClients(), nil)
			if err == nil || strings.Contains(err.Error(), "hush") {
				t.Errorf("%q: %v", address, err)
			}
		}
	}
}

// Whatever a session or tag says, the request that it leads to goes to the configured
// host, below its API.
func FuzzNoNameLeavesTheConfiguredHost(f *testing.F) {
	for _, seed := range []string{
		"gh-1-2", "gitlab-1-2-3", "https://github.com/a/b/actions/runs/1", "https://gitlab.com/a/b/-/jobs/1", "http://h/x/api/v3/a/b/actions/runs/2/attempts/3",
		"https://github.com/a/../actions/runs/1", "i-12345678",
	} {
		f.Add(seed)
	}
	asker := func(api, gitlab string) *Asker {
		s := settingsOf(api, gitlab)
		s.GitLabToken, s.GitLabURL = "t", gitlab
		a, err := New(s, noClients(), nil)
		if err != nil {
			f.Fatal(err)
		}
		return a
	}
	askers := []*Asker{asker("https://api.github.com", "https://gitlab.com"), asker("http://h/x/api/v3/", "http://h:1/y/")}
	f.Fuzz(func(t *testing.T, text string) {
		for _, a := range askers {
			r, ok := a.tag(text)
			if !ok {
				if r, ok = Parse(text); ok {
					t.Fatalf("%q is a session's name and not a tag's", text)
				}
				continue
			}
			if !isNumber(r.ID) && r.Source != policy.CodeBuild && r.Source != policy.EC2 {
				t.Fatalf("%q: %+v", text, r)
			}
			for _, segment := range strings.Split(r.Project, "/") {
				if segment == "." || segment == ".." || strings.ContainsAny(segment, "?#%\\ \n\r@:") {
					t.Fatalf("%q: %+v", text, r)
				}
			}
			u, err := url.Parse(a.github.api + "/repos/" + r.Project + "/actions/runs/" + r.ID)
			if at, _ := url.Parse(a.github.api); err != nil || u.Host != at.Host || !strings.HasPrefix(u.Path, at.Path+"/repos/") {
				t.Fatalf("%q: %v, %v", text, u, err)
			}
		}
	})
}

func settingsOf(github, gitlab string) Settings {
	var s Settings
	if github != "" {
		s.GitHubToken, s.GitHubAPI = "gh-token", github
	}
	if gitlab != "" {
		s.GitLabToken, s.GitLabURL = "gl-token", gitlab
	}
	return s
}
