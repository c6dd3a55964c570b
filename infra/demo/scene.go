package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/monitor"
)

// scene is the deployed stack and the runs in it.
type scene struct {
	aws    *local.AWS
	stack  *local.Stack
	slack  *local.Webhook // stands in for it
	github *local.GitHub  // the same
	client local.Client
	dir    string
	alive  []*local.Run
	stuck  map[string]*local.Workspace // by path
	heard  int
}

func (s *scene) end() {
	for _, run := range s.alive {
		_ = run.Kill() // one that came to its end is gone already
	}
}

// hold starts an apply that lives until the demo ends.
func (s *scene) hold(ctx context.Context, key string, mode local.Mode) (*local.Workspace, *local.Run, error) {
	dir, err := s.folder(key)
	if err != nil {
		return nil, nil, err
	}
	w, run, err := s.stack.Hold(ctx, s.client, dir, key, mode, local.TenMinutes)
	if err != nil {
		return nil, nil, err
	}
	s.alive = append(s.alive, run)
	return w, run, nil
}

// kill ends an apply as a machine that dies does.
func (s *scene) kill(run *local.Run) error {
	s.alive = slices.DeleteFunc(s.alive, func(r *local.Run) bool { return r == run })
	return run.Kill()
}

// path is that of the state with this key.
func (s *scene) path(key string) string { return s.stack.Outputs["StateBucketName"] + "/" + key }

// folder makes an empty one for a state's configuration.
func (s *scene) folder(key string) (string, error) {
	dir := filepath.Join(s.dir, strings.ReplaceAll(key, "/", "-"))
	return dir, os.Mkdir(dir, 0o700)
}

func (s *scene) scan(ctx context.Context) (monitor.Report, error) {
	var report monitor.Report
	result, err := s.stack.Invoke(ctx, "monitor", "MonitorFunction", "{}")
	if err != nil {
		return report, err
	}
	if result.Failed {
		return report, fmt.Errorf("the monitor failed: %s\n%s", result.Payload, result.Log)
	}
	return report, json.Unmarshal([]byte(result.Payload), &report)
}

// news are the messages since the last call.
func (s *scene) news() ([]local.Message, error) {
	all, err := s.aws.Published(s.stack.Outputs["AlertTopicArn"])
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
