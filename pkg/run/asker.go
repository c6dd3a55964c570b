package run

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/parameter"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// scanTime is how long all questions of one scan, or of one request to unlock, may take.
const scanTime = 10 * time.Second

// maxAsked bounds the runs that one host is asked about in a scan. GitHub answers 5,000
// questions an hour, and a scan comes every five minutes by default: whoever can write lock
// objects, with names of runs, could otherwise use them up.
// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
const maxAsked = 200

// Settings say which systems are asked. What is empty is not asked.
type Settings struct {
	GitHubToken string // name of the SSM SecureString with the token
	GitHubAPI   string // URL of the API
	GitLabToken string // name of the SSM SecureString with the token
	GitLabURL   string // URL of GitLab
	AWS         bool   // ask CodeBuild and EC2
}

// Any reports whether any system is asked.
func (s Settings) Any() bool { return s.GitHubToken != "" || s.GitLabToken != "" || s.AWS }

// Check says what is wrong with the settings, each of them.
func (s Settings) Check() error {
	var errs []error
	if s.GitHubToken != "" {
		_, err := githubSite(s.GitHubAPI)
		errs = append(errs, err)
	}
	if s.GitLabToken != "" {
		_, err := gitlabSite(s.GitLabURL)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Clients make what it takes to ask, and are called for what is configured only.
type Clients struct {
	HTTP       *http.Client // see NewClient
	Parameters func() parameter.Client
	CodeBuild  func() CodeBuild
	EC2        func() EC2
}

// Asker asks about the runs behind locks. It remembers nothing from one call of Ask to the
// next, since a run that ended may be started again.
type Asker struct {
	github, gitlab *site // nil: not asked
	sources        map[policy.RunSource]source
	now            func() time.Time
}

// source asks one system about several runs, each once, and answers for each.
type source func(ctx context.Context, refs []Reference) map[Reference]status

// New makes an asker. Its error names every setting that is wrong.
func New(s Settings, c Clients, now func() time.Time) (*Asker, error) {
	a := &Asker{sources: map[policy.RunSource]source{}, now: now}
	var errs []error
	if s.GitHubToken != "" {
		at, err := githubSite(s.GitHubAPI)
		w := newGitHub(at, c.HTTP, &token{client: c.Parameters(), name: s.GitHubToken})
		a.github, a.sources[policy.GitHub], errs = &at, each(w, githubStatus), append(errs, err)
	}
	if s.GitLabToken != "" {
		at, err := gitlabSite(s.GitLabURL)
		w := newGitLab(at, c.HTTP, &token{client: c.Parameters(), name: s.GitLabToken})
		a.gitlab, a.sources[policy.GitLab], errs = &at, each(w, gitlabStatus), append(errs, err)
	}
	if s.AWS {
		cb, vm := c.CodeBuild(), c.EC2()
		a.sources[policy.CodeBuild] = func(ctx context.Context, refs []Reference) map[Reference]status { return builds(ctx, cb, refs) }
		a.sources[policy.EC2] = func(ctx context.Context, refs []Reference) map[Reference]status { return hosts(ctx, vm, refs) }
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return a, nil
}

// each asks about one run after the other, some at once, up to maxAsked.
func each(w *web, ask func(context.Context, *web, Reference) status) source {
	return func(ctx context.Context, refs []Reference) map[Reference]status {
		asked := refs[:min(len(refs), maxAsked)]
		found := all(refs[len(asked):], "there are too many runs to ask "+w.name+" about all of them in one scan")
		var mu sync.Mutex
		var group sync.WaitGroup
		next := make(chan Reference)
		for range min(askedAtOnce, len(asked)) {
			group.Go(func() {
				for r := range next {
					s := unknown("there was no time left to ask " + w.name)
					if ctx.Err() == nil {
						s = ask(ctx, w, r)
					}
					mu.Lock()
					found[r] = s
					mu.Unlock()
				}
			})
		}
		for _, r := range asked {
			next <- r
		}
		close(next)
		group.Wait()
		return found
	}
}

// Named is what names the run of one lock.
type Named struct {
	Session string // of the principal that took the lock object; empty: not known
	// SessionProblem is why its session could not be read; empty where it was, or where
	// nobody keeps sessions.
	SessionProblem string

	Tag         string    // the object's tag `run`; empty: it has none
	TagsProblem string    // why its tags could not be read; empty where they were
	Taken       time.Time // when S3 stored the lock object, by its own clock
	Earlier     *policy.Run
}

// Ask asks about the runs of several locks, side by side, each run once. Answers come in
// the order of the locks: nil where nothing names a run.
func (a *Asker) Ask(ctx context.Context, locks []Named) []*policy.Run {
	ctx, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	asked := map[policy.RunSource][]Reference{}
	named := make([]names, len(locks))
	known := map[Reference]bool{}
	for i, l := range locks {
		named[i] = a.names(l)
		for _, r := range named[i].runs {
			if !known[r] {
				known[r] = true
				asked[r.Source] = append(asked[r.Source], r)
			}
		}
	}
	found := a.ask(ctx, asked)
	now := a.now()
	answers := make([]*policy.Run, len(locks))
	for i, l := range locks {
		answers[i] = named[i].answer(l, found, now)
	}
	return answers
}

// ask asks every system at once, so that none that hangs takes time from another.
func (a *Asker) ask(ctx context.Context, asked map[policy.RunSource][]Reference) map[Reference]status {
	found := map[Reference]status{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for name, refs := range asked {
		group.Go(func() {
			answers := all(refs, notConfigured[name])
			if ask, configured := a.sources[name]; configured {
				answers = ask(ctx, refs)
			}
			mu.Lock()
			defer mu.Unlock()
			for r, s := range answers {
				found[r] = s
			}
		})
	}
	group.Wait()
	return found
}

var notConfigured = map[policy.RunSource]string{
	policy.GitHub:    "GitHub is not asked, since GitHubTokenParameter is not set",
	policy.GitLab:    "GitLab is not asked, since GitLabTokenParameter is not set",
	policy.CodeBuild: "CodeBuild is not asked, since CheckAwsRuns is false",
	policy.EC2:       "EC2 is not asked, since CheckAwsRuns is false",
}

// names are the runs that a lock's session and tag name.
type names struct {
	runs    []Reference
	strange bool // the tag leads to no run that can be asked about
}

func (a *Asker) names(l Named) names {
	var n names
	if r, ok := Parse(l.Session); ok {
		n.runs = append(n.runs, r)
	}
	tag := strings.TrimSpace(l.Tag)
	if tag == "" {
		return n
	}
	r, ok := a.tag(tag)
	switch {
	case !ok:
		n.strange = true
	case len(n.runs) == 0 || n.runs[0] != r:
		n.runs = append(n.runs, r)
	}
	return n
}

// tag reads a lock object's tag: the name of a run as sessions have it, or the URL of a
// run's page on a configured host.
func (a *Asker) tag(text string) (Reference, bool) {
	if r, ok := Parse(text); ok {
		return r, true
	}
	if a.github != nil {
		if r, ok := a.github.githubPage(text); ok {
			return r, true
		}
	}
	if a.gitlab != nil {
		return a.gitlab.gitlabPage(text)
	}
	return Reference{}, false
}
