package main

import (
	"context"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

type locksCommand struct{}

// Run lists the locks.
func (locksCommand) Run(ctx context.Context, s *session) error {
	var report struct {
		Held, Stuck, Unreadable, Omitted int
		Locks                            []policy.Description
	}
	raw, err := s.answer(ctx, monitorOutput, struct{}{}, &report)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.printJSON(raw)
	}
	s.say("%d held, %d of them stuck; %d unreadable.", report.Held, report.Stuck, report.Unreadable)
	if len(report.Locks) == 0 {
		return nil
	}
	rows := [][]string{{"STATE", "VERDICT", "HELD", "BY", "RUN", "LOCK ID"}}
	for _, f := range report.Locks {
		rows = append(rows, []string{f.Path, string(f.Verdict), policy.Words(f.Held()), holder(f), f.Evidence.Liveness.Words(), f.ID})
	}
	if err := s.table(rows); err != nil {
		return err
	}
	if report.Omitted > 0 {
		s.say("And %d more.", report.Omitted)
	}
	s.warnOfShell(rows, 0, len(rows[0])-1)
	return nil
}

// warnOfShell warns of names in these columns of a list: whoever takes a lock chooses its path and its ID, and what is behind a
// blank in one may be an option, such as --force.
func (s *session) warnOfShell(rows [][]string, columns ...int) {
	for _, row := range rows[1:] {
		for _, column := range columns {
			if !plain.ForShells(row[column]) {
				s.say("Never paste a path or ID with blanks, quotation marks or other shell characters into a shell command, which may run part of it or read part of it as an option. Use the dashboard instead.")
				return
			}
		}
	}
}

// holder is who holds a lock, and the session that took it, where S3 says so.
func holder(d policy.Description) string {
	if d.Witness == nil || d.Witness.Actor() == "" {
		return d.Who
	}
	return d.Who + " (" + d.Witness.Actor() + ")"
}

// spaced makes words of a reason such as has_resources.
func spaced(reason string) string { return strings.ReplaceAll(reason, "_", " ") }

type staleCommand struct{}

// Run lists what a prune would do.
func (staleCommand) Run(ctx context.Context, s *session) error {
	var report struct {
		Examined, Abandoned, Omitted int
		Pruned, Kept                 []struct {
			Path, Reason string
			LastModified time.Time `json:"last_modified"`
			Managed      int       `json:"managed_objects"`
		}
		Errors []string
	}
	raw, err := s.answer(ctx, pruneOutput, map[string]bool{"dry_run": true}, &report)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.printJSON(raw)
	}
	s.say("%d stale states; %d still manage infrastructure.", report.Examined, report.Abandoned)
	rows := [][]string{{"STATE", "LAST WRITTEN", "A PRUNE WOULD"}}
	for _, f := range report.Kept {
		rows = append(rows, []string{f.Path, f.LastModified.UTC().Format(time.DateOnly), "keep it: " + spaced(f.Reason)})
	}
	for _, f := range report.Pruned {
		rows = append(rows, []string{f.Path, f.LastModified.UTC().Format(time.DateOnly), "delete it"})
	}
	if len(rows) > 1 {
		if err := s.table(rows); err != nil {
			return err
		}
	}
	if report.Omitted > 0 {
		s.say("And %d more.", report.Omitted)
	}
	s.warnOfShell(rows, 0)
	for _, problem := range report.Errors {
		s.say("! %s", line(problem))
	}
	if len(report.Errors) > 0 {
		return outcomeError{exitPartial}
	}
	return nil
}

type restoreCommand struct {
	Path string `arg:"" name:"bucket/key" help:"The state to bring back."`
}

// Run restores a state. It needs no confirmation: nothing that exists is overwritten.
func (c restoreCommand) Run(ctx context.Context, s *session) error {
	var answer struct{ Outcome, Message string }
	raw, err := s.answer(ctx, pruneOutput, map[string]string{"restore": c.Path}, &answer)
	if err != nil {
		return err
	}
	if s.JSON {
		err = s.printJSON(raw)
	} else {
		s.say("%s", line(answer.Message))
	}
	if err != nil {
		return err
	}
	return exitError(answer.Outcome)
}
