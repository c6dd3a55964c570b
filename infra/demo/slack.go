package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/infra/slackview"
)

// secretName is where the stack finds the URL of the stand-in for Slack.
const secretName = "/lockwarden/slack"

// printSlack hands a message of the topic to the slack function, as SNS does, and
// prints what the stand-in for Slack got.
func (s *scene) printSlack(ctx context.Context, m local.Message) error {
	payload, err := m.LambdaEvent("demo")
	if err != nil {
		return err
	}
	if err := s.Ask(ctx, "slack", payload, nil); err != nil {
		return err
	}
	posts := s.slack.Posts()
	if len(posts) == 0 {
		return errors.New("nothing reached the stand-in for Slack")
	}
	lines, err := slackview.Lines([]byte(posts[len(posts)-1]))
	if err != nil {
		return err
	}
	fmt.Println(strings.Join(lines, "\n┃ "))
	return nil
}
