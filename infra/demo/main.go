// Command demo shows the main job on a local AWS: real clients leave stuck locks, the
// monitor finds them, and what on-call gets is printed. It ends by itself and leaves
// nothing running.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// stuckAfter stands for the half hour that nobody wants to wait for here.
const stuckAfter = 15 * time.Second

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
	step("starting a local AWS and deploying template.yaml into it (StuckAfter=%s, databases 2h)", stuckAfter)
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
	if err := aws.MakeSecret(ctx, secretName, slack.URL); err != nil {
		return err
	}
	stack, err := aws.Deploy(ctx, "lockwarden", map[string]string{
		"StuckAfter": stuckAfter.String(), "ReleaseGuard": stuckAfter.String(), "StuckAfterOverrides": "*/database/**=2h",
		"SlackWebhookParameter": secretName,
	})
	if err != nil {
		return err
	}
	s := &scene{aws: aws, stack: stack, slack: slack, client: client}
	if s.dir, err = os.MkdirTemp("", "lockwarden-demo-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir) //nolint:errcheck // a temporary folder
	defer s.end()
	return s.play(ctx)
}

func chooseClient() (local.Client, error) {
	clients, err := local.Clients()
	if err != nil {
		return local.Client{}, err
	}
	return clients[len(clients)-1], nil // Terraform where it is on PATH, else OpenTofu
}

// scene is the deployed stack and the runs in it.
type scene struct {
	aws    *local.AWS
	stack  *local.Stack
	slack  *local.Webhook // stands in for it
	client local.Client
	dir    string
	alive  *local.Run
	stuck  map[string]*local.Workspace // by path
	heard  int
}

func (s *scene) end() {
	if s.alive != nil {
		_ = s.alive.Kill() // one that came to its end is gone already
	}
}

func (s *scene) play(ctx context.Context) error {
	s.stuck = map[string]*local.Workspace{}
	for i, mode := range local.Modes {
		key := []string{"network/production", "app/staging", "branches/feature-x"}[i] + "/terraform.tfstate"
		step("%s apply on %s, locking by %s, dies of kill -9", s.client.Name, key, mode)
		dir, err := s.folder(key)
		if err != nil {
			return err
		}
		w, err := s.stack.Leave(ctx, s.client, dir, key, mode)
		if err != nil {
			return err
		}
		s.stuck[s.stack.Outputs["StateBucketName"]+"/"+key] = w
	}
	step("the monitor scans: the locks are young, so it notes them and says nothing")
	if _, err := s.scan(ctx); err != nil {
		return err
	}
	step("waiting %s, until those locks count as stuck; then another apply starts and lives", stuckAfter+time.Second)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(stuckAfter + time.Second):
	}
	const healthy = "database/production/terraform.tfstate"
	dir, err := s.folder(healthy)
	if err != nil {
		return err
	}
	if _, s.alive, err = s.stack.Hold(ctx, s.client, dir, healthy, local.ByBoth, local.TenMinutes); err != nil {
		return err
	}

	step("the monitor scans again")
	report, err := s.scan(ctx)
	if err != nil {
		return err
	}
	title("THE LOCKS, as the monitor answers")
	printLocks(report)
	messages, err := s.news()
	if err != nil {
		return err
	}
	title(fmt.Sprintf("THE MAIL, one of %d", len(messages)))
	if len(messages) > 0 {
		fmt.Printf("Subject: %s\n\n%s", messages[0].Subject, messages[0].Texts["email"])
		title("THE SLACK MESSAGE, drawn from the blocks that its webhook got")
		if err := s.printSlack(ctx, messages[0]); err != nil {
			return err
		}
	}
	title("THE METRICS, read back from CloudWatch")
	if err := s.printMetrics(ctx); err != nil {
		return err
	}
	return s.aftermath(ctx, report)
}

// aftermath shows silence, the release by the unlock function, and the notices.
func (s *scene) aftermath(ctx context.Context, report monitor.Report) error {
	step("the monitor scans once more: everybody was notified, so it says nothing")
	if _, err := s.scan(ctx); err != nil {
		return err
	}
	again, err := s.news()
	if err != nil {
		return err
	}
	fmt.Printf("  %d messages\n", len(again))

	step("on-call invokes the unlock function with the IDs from the alerts; then the same client plans again")
	for _, f := range report.Locks {
		if w := s.stuck[f.Path]; w != nil && f.Verdict == policy.Stuck {
			if err := s.unlock(ctx, w, f); err != nil {
				return err
			}
		}
	}
	step("the monitor scans for the last time")
	if _, err := s.scan(ctx); err != nil {
		return err
	}
	resolved, err := s.news()
	if err != nil {
		return err
	}
	title("THE NOTICES")
	for _, m := range resolved {
		fmt.Println(m.Subject)
		fmt.Println("  " + strings.SplitN(m.Texts["email"], "\n", 2)[0])
	}
	if err := s.prune(ctx); err != nil {
		return err
	}
	fmt.Println("\nDone, and nothing is left running. Next: `make deploy` puts it into your account (see README.md).")
	return nil
}

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

// unlock releases one lock and shows that its state is usable again.
func (s *scene) unlock(ctx context.Context, w *local.Workspace, f policy.Finding) error {
	payload, err := json.Marshal(unlock.Request{LockID: f.ID, Reason: "its laptop died", RequestedBy: "on-call"})
	if err != nil {
		return err
	}
	result, err := s.stack.Invoke(ctx, "unlock", "UnlockFunction", string(payload))
	if err != nil {
		return err
	}
	var answer unlock.Answer
	if err := json.Unmarshal([]byte(result.Payload), &answer); err != nil || answer.Outcome != unlock.Released {
		return fmt.Errorf("not released: %s", result.Payload)
	}
	fmt.Println("  " + answer.Message)
	if _, err := w.Run(ctx, "plan"); err != nil {
		return err
	}
	fmt.Printf("  %s plan: succeeded\n", s.client.Name)
	return nil
}

func printLocks(report monitor.Report) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VERDICT\tHELD\tIN\tOPERATION\tHOLDER\tRUN\tSTATE")
	for _, f := range report.Locks {
		kinds := make([]string, len(f.Holdings))
		for i, k := range f.Holdings {
			kinds[i] = string(k)
		}
		_, key, _ := strings.Cut(f.Path, "/")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Verdict, policy.Words(f.Held()), strings.Join(kinds, "+"), f.Operation, f.Who, f.Evidence.Liveness, key)
	}
	_ = w.Flush()
}

func step(format string, args ...any) { fmt.Printf("\n> "+format+"\n", args...) }

func title(text string) {
	fmt.Printf("\n--- %s %s\n\n", text, strings.Repeat("-", max(3, 74-len(text))))
}
