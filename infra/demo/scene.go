package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/monitor"
)

// scene is the deployed stack and who works with it.
type scene struct {
	*local.Team
	slack  *local.Webhook              // stands in for it
	github *local.GitHub               // the same
	stuck  map[string]*local.Workspace // by path
	heard  int
}

// path is that of the state with this key.
func (s *scene) path(key string) string { return s.Outputs["StateBucketName"] + "/" + key }

func (s *scene) scan(ctx context.Context) (report monitor.Report, err error) {
	err = s.Ask(ctx, "monitor", "{}", &report)
	return report, err
}

// news are the messages since the last call.
func (s *scene) news() ([]local.Message, error) {
	all, err := s.AWS().Published(s.Outputs["AlertTopicArn"])
	if err != nil {
		return nil, err
	}
	fresh := all[s.heard:]
	s.heard = len(all)
	return fresh, nil
}

// notices prints the subject and the first sentences of messages.
func notices(messages []local.Message) {
	for _, m := range messages {
		fmt.Println(m.Subject)
		fmt.Println("  " + strings.SplitN(m.Texts["email"], "\n", 2)[0])
	}
}

// sleep waits, unless somebody ends the demo.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func step(format string, args ...any) { fmt.Printf("\n> "+format+"\n", args...) }

func title(text string) {
	fmt.Printf("\n--- %s %s\n\n", text, strings.Repeat("-", max(3, 74-len(text))))
}
