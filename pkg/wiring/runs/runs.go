// Package runs wires what asks about CI runs: its settings have no room in a function's
// environment, so they are in a parameter of SSM that the stack writes. It is apart from
// wiring, so that functions which ask nobody do not load the client of CodeBuild.
package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"

	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/parameter"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/run"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

// Name is the name of the parameter; empty where no settings of runs are set.
type Name struct {
	Parameter string `env:"RUNS"`
}

// Settings are what the parameter says.
type Settings struct {
	Asks run.Settings
	Auto policy.AutoRules
}

// Parse reads the parameter's JSON, as template.yaml writes it.
func Parse(text string) (Settings, error) {
	var p struct {
		GitHub, GitLab struct{ Token, URL string }
		AWS            bool
		Auto           struct{ Locks, Mode string }
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return Settings{}, fmt.Errorf("the settings of runs are not what the stack writes: %w", err)
	}
	s := Settings{Asks: run.Settings{
		GitHubToken: p.GitHub.Token, GitHubAPI: p.GitHub.URL, GitLabToken: p.GitLab.Token, GitLabURL: p.GitLab.URL, AWS: p.AWS,
	}}
	var err error
	s.Auto.Locks, err = policy.ParseSelection(p.Auto.Locks)
	switch s.Auto.Mode = policy.AutoMode(p.Auto.Mode); s.Auto.Mode {
	case policy.AutoReport, policy.AutoRelease:
	default:
		err = errors.Join(err, fmt.Errorf("AutoReleaseMode is %q: it must be report or release", p.Auto.Mode))
	}
	return s, errors.Join(err, s.Asks.Check())
}

// Open returns what looks up runs, with the settings read at each first use in an
// invocation: a deploy that switches something off works at once. Without a parameter it
// is nil, and nobody is asked.
func (n Name) Open(cfg aws.Config) *evidence.Runs {
	if n.Parameter == "" {
		return nil
	}
	client := run.NewClient()
	return &evidence.Runs{Open: func(ctx context.Context) (evidence.Opened, error) {
		ctx, cancel := context.WithTimeout(ctx, readTime)
		defer cancel()
		parameters, err := service(cfg, parameter.ID, parameter.New)
		if err != nil {
			return evidence.Opened{}, err
		}
		text, err := parameter.Read(ctx, parameters(), n.Parameter)
		if err != nil {
			return evidence.Opened{}, err
		}
		s, err := Parse(text)
		if err != nil {
			return evidence.Opened{}, err
		}
		builds, err := service(cfg, codebuild.ServiceID, func(c aws.Config) run.CodeBuild { return codebuild.NewFromConfig(c) })
		hosts, problem := service(cfg, run.EC2ID, run.NewEC2)
		if err := errors.Join(err, problem); err != nil {
			return evidence.Opened{}, err
		}
		asker, err := run.New(s.Asks, run.Clients{HTTP: client, Parameters: parameters, CodeBuild: builds, EC2: hosts}, time.Now)
		return evidence.Opened{Asker: asker, Auto: s.Auto}, err
	}}
}

// readTime bounds the reading of the settings.
const readTime = 5 * time.Second

// service is a client of one service, made when it is first needed.
func service[C any](cfg aws.Config, id string, open func(aws.Config) C) (func() C, error) {
	at, err := wiring.For(cfg, id)
	return func() C { return open(at) }, err
}
