package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// repository is the ID of the one whose workflows take the locks.
const repository = "84213377"

// takenBy says, as S3's events do, that the session of a run took the lock of a state.
func (s *scene) takenBy(ctx context.Context, key, run string) error {
	all, err := s.AWS().Notifications(ctx, s.Outputs["StateBucketName"], key+".tflock")
	if err != nil {
		return err
	}
	return s.Notify(ctx, all[len(all)-1].By(s.github.Session(run)+"-1"))
}

// pipelines shows automatic release: the lock of a cancelled run goes by itself, and that
// of a run that is at work stays.
func (s *scene) pipelines(ctx context.Context) error {
	const cancelled, working = "environments/checkout/terraform.tfstate", "environments/payments/terraform.tfstate"
	const first, second = "9912345602", "9912345603"
	step("two GitHub runs apply on %s and %s; AutoRelease selects both", cancelled, working)
	s.github.Begin(first)
	s.github.Begin(second)
	workspace, run, err := s.Hold(ctx, cancelled, local.ByBoth)
	if err != nil {
		return err
	}
	if _, _, err := s.Hold(ctx, working, local.ByBoth); err != nil {
		return err
	}
	for key, run := range map[string]string{cancelled: first, working: second} {
		if err := s.takenBy(ctx, key, run); err != nil {
			return err
		}
	}
	if _, err := s.scan(ctx); err != nil {
		return err
	}
	step("somebody cancels the first one, and its runner is killed: its lock stays behind, too young to count as stuck")
	if err := s.Kill(run); err != nil {
		return err
	}
	s.github.End(first, "cancelled", time.Now())
	step("waiting %s, the ReleaseGuard since its end; then two scans: the first one says what will happen, the second one, at the time that it named (which is moved here), releases", guard+time.Second)
	if err := sleep(ctx, guard+time.Second); err != nil {
		return err
	}
	for range 2 {
		if _, err := s.scan(ctx); err != nil {
			return err
		}
		if err := s.DuePlans(ctx); err != nil {
			return err
		}
	}
	if err := s.printReleases(ctx); err != nil {
		return err
	}
	if _, err := workspace.Run(ctx, "plan"); err != nil {
		return err
	}
	fmt.Printf("\n%s plan on %s: succeeded\n", s.Client.Name, cancelled)
	return s.printWhyItStays(ctx, working)
}

// printReleases prints what people were notified of: a plan, and a release.
func (s *scene) printReleases(context.Context) error {
	messages, err := s.news()
	if err != nil {
		return err
	}
	title("THE PLAN AND THE RELEASE, as mails begin")
	notices(messages)
	var types []string
	for _, m := range messages {
		types = append(types, m.Attributes["type"])
	}
	if got := strings.Join(types, ", "); got != "lock.release_planned, lock.released" {
		return fmt.Errorf("published %s", got)
	}
	return nil
}

// printWhyItStays prints what the dashboard says of the lock of the living run.
func (s *scene) printWhyItStays(ctx context.Context, key string) error {
	page, err := local.Dashboard{Stack: s.Stack, Context: local.DashboardContext("light", 1280, "+00:00", nil)}.Open(ctx)
	if err != nil {
		return err
	}
	for _, row := range page.Rows() {
		text := page.Text(row)
		_, why, held := strings.Cut(text, "Not released automatically: ")
		if strings.Contains(text, key) && held {
			why, _, _ = strings.Cut(why, ". Keep")
			fmt.Printf("\nThe lock on %s stays. The dashboard says: not released automatically: %s.\n", key, why)
			return nil
		}
	}
	return fmt.Errorf("the dashboard does not say why the lock on %s stays: %s", key, page.Text(nil))
}
