package journey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// slackHears says what is missing in the posts of a lock's life: SNS calls the Slack function,
// which reads its webhook's URL from SSM.
func slackHears(webhook *local.Webhook, key string) error {
	said := strings.Join(webhook.Posts(), "\n")
	for _, part := range []string{"🔒", "🔓", "✅", key} {
		if !strings.Contains(said, part) {
			return fmt.Errorf("no post has %s: %s", part, said)
		}
	}
	return nil
}

// deadLetter has the webhook refuse a message, which must arrive among the dead letters of the
// Slack function, with the reason. It invokes the function as SNS does in AWS: without waiting.
// MiniStack's SNS waits, and so has nowhere to put what fails.
func deadLetter(ctx context.Context, s Scene, webhook *local.Webhook, queue string) error {
	if queue == "" || queue == "None" {
		return errors.New("the stack has no output SlackDeadLettersUrl")
	}
	function, err := s.Engine.AWS(ctx, "cloudformation", "describe-stack-resource", "--stack-name", s.Stack, "--logical-resource-id", "SlackFunction",
		"--query", "StackResourceDetail.PhysicalResourceId", "--output", "text")
	if err != nil {
		return err
	}
	webhook.Refuse(local.Refusal{Status: http.StatusNotFound, Body: "no_service"})
	event := filepath.Join(local.Root(), "events", "slack-text.json")
	if _, err := s.Engine.AWS(ctx, "lambda", "invoke", "--function-name", function, "--invocation-type", "Event", "--payload", "fileb://"+event, os.DevNull); err != nil {
		return err
	}
	var got string
	for deadline := time.Now().Add(waits); time.Now().Before(deadline); {
		got, err = s.Engine.AWS(ctx, "sqs", "receive-message", "--queue-url", queue, "--wait-time-seconds", "5", "--query", "Messages[].Body", "--output", "text")
		if err != nil {
			return err
		}
		if strings.Contains(got, "moves tonight") {
			if !strings.Contains(got, "RefusedError") {
				return fmt.Errorf("the dead letter does not say why: %s", got)
			}
			return nil
		}
	}
	return fmt.Errorf("the message that Slack refused is not among the dead letters: %s", got)
}
