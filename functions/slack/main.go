// Command slack is the Lambda that posts what comes from the alert topic to a Slack
// webhook.
package main

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lockwarden/lockwarden/pkg/alert/slack"
	"github.com/lockwarden/lockwarden/pkg/parameter"
	"github.com/lockwarden/lockwarden/pkg/payload"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

type settings struct {
	Webhook   string `env:"SLACK_WEBHOOK_PARAMETER,notEmpty"` // name of the parameter, not the URL
	Dashboard wiring.Dashboard
}

func main() { wiring.Run(wire) }

func wire() (any, error) {
	s, err := wiring.Load[settings]()
	if err != nil {
		return nil, err
	}
	cfg, err := wiring.AWS()
	if err != nil {
		return nil, err
	}
	secrets, err := wiring.For(cfg, parameter.ID)
	if err != nil {
		return nil, err
	}
	p := &slack.Poster{
		Secret:   slack.NewSecret(parameter.New(secrets), s.Webhook),
		Renderer: slack.Renderer{Dashboard: s.Dashboard.URL(cfg.Region)},
		HTTP:     slack.NewClient(), Log: slog.Default(),
	}
	return func(ctx context.Context, event json.RawMessage) error {
		var messages events.SNSEvent
		if err := payload.Event(event, &messages); err != nil {
			return err
		}
		return p.Handle(ctx, messages)
	}, nil
}
