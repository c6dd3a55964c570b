package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// staging is the state whose lock a CI run left.
const staging = "app/staging/terraform.tfstate"

// stuckLocks shows locks that nobody will release: what the monitor finds, what people get,
// and what on-call does.
func (s *scene) stuckLocks(ctx context.Context) error {
	if err := s.leaveLocks(ctx); err != nil {
		return err
	}
	step("the monitor scans: the locks are young, so it notes them and says nothing")
	if _, err := s.scan(ctx); err != nil {
		return err
	}
	step("waiting %s, until those locks count as stuck; then another apply starts and lives", stuckAfter+time.Second)
	if err := sleep(ctx, stuckAfter+time.Second); err != nil {
		return err
	}
	if _, _, err := s.Hold(ctx, "database/production/terraform.tfstate", local.ByBoth); err != nil {
		return err
	}
	step("the monitor scans again")
	report, err := s.scan(ctx)
	if err != nil {
		return err
	}
	title("THE LOCKS, as the monitor answers")
	printLocks(report)
	if err := s.printAlert(ctx); err != nil {
		return err
	}
	title("THE METRICS, read back from CloudWatch")
	if err := s.printMetrics(ctx); err != nil {
		return err
	}
	return s.aftermath(ctx, report)
}

// leaveLocks has a client die with each kind of lock. One of them was a CI run: S3's event
// names its session, and that leads to the run, which has ended.
func (s *scene) leaveLocks(ctx context.Context) error {
	for i, mode := range local.Modes {
		key := []string{"network/production/terraform.tfstate", staging, "branches/feature-x/terraform.tfstate"}[i]
		step("%s apply on %s, locking by %s, dies of kill -9", s.Client.Name, key, mode)
		w, err := s.Leave(ctx, s.Client, key, mode)
		if err != nil {
			return err
		}
		s.stuck[s.path(key)] = w
	}
	const run = "9912345601"
	step("S3 notifies the witness: session %s took the lock of %s; GitHub says that this run was cancelled", s.github.Session(run)+"-1", staging)
	s.github.End(run, "cancelled", time.Now())
	return s.takenBy(ctx, staging, run)
}

// printAlert prints what people get of the CI run's lock.
func (s *scene) printAlert(ctx context.Context) error {
	messages, err := s.news()
	if err != nil {
		return err
	}
	for _, m := range messages {
		if m.Attributes["path"] != s.path(staging) {
			continue
		}
		title(fmt.Sprintf("THE MAIL, one of %d", len(messages)))
		fmt.Printf("Subject: %s\n\n%s", m.Subject, m.Texts["email"])
		title("THE SLACK MESSAGE, drawn from the blocks that its webhook got")
		return s.printSlack(ctx, m)
	}
	return fmt.Errorf("none of %d messages is about %s", len(messages), staging)
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
	notices(resolved)
	return nil
}

// unlock releases one lock and shows that its state is usable again.
func (s *scene) unlock(ctx context.Context, w *local.Workspace, d policy.Description) error {
	payload, err := json.Marshal(unlock.Request{LockID: d.ID, Reason: "its run is over", RequestedBy: "on-call"})
	if err != nil {
		return err
	}
	var answer unlock.Answer
	if err := s.Ask(ctx, "unlock", string(payload), &answer); err != nil {
		return err
	}
	if answer.Outcome != unlock.Released {
		return fmt.Errorf("not released: %+v", answer)
	}
	fmt.Println("  " + answer.Message)
	if _, err := w.Run(ctx, "plan"); err != nil {
		return err
	}
	fmt.Printf("  %s plan: succeeded\n", s.Client.Name)
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
		holder := f.Who
		if f.Witness != nil {
			holder = f.Witness.Actor()
		}
		_, key, _ := strings.Cut(f.Path, "/")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Verdict, policy.Words(f.Held()), strings.Join(kinds, "+"), f.Operation, holder, f.Evidence.Liveness, key)
	}
	_ = w.Flush()
}
