package run

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// site is a CI system that is asked over HTTP: where its API is, and where its pages are.
type site struct {
	api string // URL of the API, without a slash at its end
	web string // URL that the pages of its runs begin with, without a slash at its end
}

// githubSite is GitHub's, by the URL of its API. The pages of api.github.com are on
// github.com, those of api.X.ghe.com on X.ghe.com, and those of HOST/api/v3 on HOST.
// https://docs.github.com/en/enterprise-server/rest/quickstart
func githubSite(api string) (site, error) {
	u, err := parseSite("GitHubApiUrl", api)
	if err != nil {
		return site{}, err
	}
	s := site{api: u.String()}
	u.Path = strings.TrimSuffix(u.Path, "/api/v3")
	if name, ok := strings.CutPrefix(u.Host, "api."); ok && (hostName(name) == "github.com" || strings.HasSuffix(hostName(name), ".ghe.com")) {
		u.Host = name
	}
	s.web = u.String()
	return s, nil
}

// gitlabSite is GitLab's, by its URL.
func gitlabSite(address string) (site, error) {
	u, err := parseSite("GitLabUrl", address)
	if err != nil {
		return site{}, err
	}
	return site{api: u.String() + "/api/v4", web: u.String()}, nil
}

// parseSite reads the URL of a CI system. Its error does not repeat the URL, which may
// contain a password by mistake.
func parseSite(setting, text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "":
		return nil, fmt.Errorf("%s must be an http or https URL, such as https://github.example.com/api/v3", setting)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "":
		return nil, fmt.Errorf("%s must have nothing but a host, a port and a path", setting)
	case u.RawPath != "" || strings.Contains(u.Path+"/", "/../") || strings.Contains(u.Path+"/", "/./"):
		return nil, errors.New(setting + " has a path that leads somewhere else than it says")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}, nil
}

// hostName is a host without its port.
func hostName(host string) string { return (&url.URL{Host: host}).Hostname() }

// below returns what a page's URL has after that of the site; false for a page of any other
// scheme, host, port or path.
func (s site) below(page string) (path string, ok bool) {
	return strings.CutPrefix(page, s.web+"/")
}

// githubPage reads the URL of a run's page:
// <web>/<owner>/<repo>/actions/runs/<run id>[/attempts/<n>][/job/<id>]
func (s site) githubPage(page string) (Reference, bool) {
	path, ok := s.below(page)
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if !ok || len(parts) < 5 || parts[2] != "actions" || parts[3] != "runs" || !allNames(parts[:2]) || !isNumber(parts[4]) {
		return Reference{}, false
	}
	r := Reference{Source: policy.GitHub, Project: parts[0] + "/" + parts[1], ID: parts[4]}
	for rest := parts[5:]; len(rest) > 0; rest = rest[2:] {
		switch {
		case len(rest) < 2 || !isNumber(rest[1]):
			return Reference{}, false
		case rest[0] == "attempts" && r.Attempt == 0:
			r.Attempt = attempt(rest[1])
		case rest[0] == "job" && len(rest) == 2:
		default:
			return Reference{}, false
		}
	}
	return r, true
}

// gitlabPage reads the URL of a pipeline's or a job's page:
// <web>/<group>[/<group>…]/<project>/-/pipelines/<id> or …/-/jobs/<id>
func (s site) gitlabPage(page string) (Reference, bool) {
	path, ok := s.below(page)
	project, rest, divided := strings.Cut(strings.TrimSuffix(path, "/"), "/-/")
	kind, id, _ := strings.Cut(rest, "/")
	names := strings.Split(project, "/")
	if !ok || !divided || len(names) < 2 || !allNames(names) || !isNumber(id) || (kind != "pipelines" && kind != "jobs") {
		return Reference{}, false
	}
	return Reference{Source: policy.GitLab, Project: project, ID: id, Job: kind == "jobs"}, true
}

// allNames reports whether all are names of owners, groups, repositories or projects.
func allNames(names []string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	for _, name := range names {
		if name == "" || name == "." || name == ".." || strings.Trim(name, letters) != "" {
			return false
		}
	}
	return true
}

// page is a URL that an answer gives of a run's page, or empty where it is none that can
// be shown as it is: an http or https URL in plain characters, without a user in it.
func page(address string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~/:%+="
	u, err := url.Parse(address)
	if err != nil || len(address) > 512 || strings.Trim(address, letters) != "" || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil {
		return ""
	}
	return address
}
