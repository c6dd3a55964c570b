// Command demo shows the main job on a local AWS: real clients leave stuck locks, the
// monitor finds them, and what on-call gets is printed. It ends by itself and leaves
// nothing running.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

const (
	// stuckAfter stands for the half hour that nobody wants to wait for here, and guard for
	// ten minutes.
	stuckAfter = 15 * time.Second
	guard      = 5 * time.Second
	// tokenName is where the stack finds the token for the stand-in for GitHub.
	tokenName = "/lockwarden/github"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the demo failed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	client, err := chooseClient()
	if err != nil {
		return err
	}
	step("starting a local AWS and deploying template.yaml into it (StuckAfter=%s, databases and pipelines 2h)", stuckAfter)
	aws, err := local.Start()
	if err != nil {
		return err
	}
	defer aws.Stop()
	slack, err := local.StartWebhook("/services/T0/B0/secret")
	if err != nil {
		return err
	}
	defer slack.Stop()
	github, err := local.StartGitHub(repository)
	if err != nil {
		return err
	}
	defer github.Stop()
	stack, err := deploy(ctx, aws, slack, github)
	if err != nil {
		return err
	}
	stop, err := stack.Invocable()
	if err != nil {
		return err
	}
	defer stop()
	team, err := stack.Team(client)
	if err != nil {
		return err
	}
	defer team.End()
	s := &scene{Team: team, slack: slack, github: github, stuck: map[string]*local.Workspace{}}
	for _, part := range []func(context.Context) error{s.stuckLocks, s.pipelines, s.prune, s.mismatch} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	fmt.Println("\nDone, and nothing is left running. Next: `make deploy` puts it into your account (see README.md).")
	return nil
}

func deploy(ctx context.Context, aws *local.AWS, slack *local.Webhook, github *local.GitHub) (*local.Stack, error) {
	for name, value := range map[string]string{secretName: slack.URL, tokenName: local.GitHubToken} {
		if err := aws.MakeSecret(ctx, name, value); err != nil {
			return nil, err
		}
	}
	return aws.Deploy(ctx, "lockwarden", map[string]string{
		"StuckAfter": stuckAfter.String(), "ReleaseGuard": guard.String(), "StuckAfterOverrides": "*/database/**=2h,*/environments/**=2h",
		"SlackWebhookParameter": secretName, "GitHubTokenParameter": tokenName, "GitHubApiUrl": github.URL,
		"AutoRelease": "*/environments/**", "AutoReleaseMode": "release",
	})
}

func chooseClient() (local.Client, error) {
	clients, err := local.Clients()
	if err != nil {
		return local.Client{}, err
	}
	return clients[len(clients)-1], nil // Terraform where it is on PATH, else OpenTofu
}
