package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

type repairCommand struct {
	Path      string `arg:"" name:"bucket/key" help:"The state."`
	Action    string `arg:"" enum:"accept_state,delete_digest,restore_version" help:"accept_state makes the digest that of the state; delete_digest removes one that belongs to nothing; restore_version makes an older version the newest."`
	VersionID string `name:"version-id" help:"The version to restore." placeholder:"ID"`
	Reason    string `help:"Why, for the record. Asked for when missing." env:"LOCKWARDEN_REASON"`
	By        string `help:"Who asks, for the record. Default: your user name." env:"LOCKWARDEN_BY"`
	Yes       bool   `help:"Do not ask; needs --reason."`
	DryRun    bool   `help:"Show the state and its digests before and after, and change nothing."`
}

// repairRequest is the repair function's payload.
type repairRequest struct {
	Path        string `json:"path"`
	Action      string `json:"action"`
	VersionID   string `json:"version_id,omitempty"`
	Reason      string `json:"reason,omitempty"`
	RequestedBy string `json:"requested_by,omitempty"`
	DryRun      bool   `json:"dry_run,omitempty"`
	StateMD5    string `json:"state_md5,omitempty"` // of the state that was shown
}

// repairAnswer is its answer.
type repairAnswer struct {
	Outcome   string                 `json:"outcome"`
	Message   string                 `json:"message"`
	Before    policy.StateAndDigests `json:"before"`
	After     policy.StateAndDigests `json:"after"`
	NextSteps []string               `json:"next_steps"`
}

// Run repairs a state in two calls: a dry run shows what is there and what would be, and
// the second does it.
func (c repairCommand) Run(ctx context.Context, s *session) error {
	if c.Yes && !c.DryRun && strings.TrimSpace(c.Reason) == "" {
		return errors.New("--yes needs a --reason")
	}
	request := repairRequest{Path: c.Path, Action: c.Action, VersionID: c.VersionID, RequestedBy: requester(c.By), DryRun: true}
	var planned repairAnswer
	raw, err := s.answer(ctx, repairOutput, request, &planned)
	if err != nil {
		return err
	}
	// What a dead invocation left is finished by a call that is not dry.
	if c.DryRun || (planned.Outcome != "would_repair" && planned.Outcome != "nothing_to_do") {
		return s.endRepair(raw, planned)
	}
	if !s.JSON {
		s.facts(planned)
	}
	if planned.Outcome == "would_repair" {
		if err := c.confirm(ctx, s); err != nil {
			return err
		}
	}
	if request.DryRun, request.Reason = false, c.Reason; strings.TrimSpace(request.Reason) == "" {
		return s.endRepair(raw, planned)
	}
	request.StateMD5 = planned.Before.StateMD5
	var done repairAnswer
	if raw, err = s.answer(ctx, repairOutput, request, &done); err != nil {
		return err
	}
	return s.endRepair(raw, done)
}

// confirm asks for what is missing.
func (c *repairCommand) confirm(ctx context.Context, s *session) error {
	if c.Yes {
		return nil
	}
	var err error
	if strings.TrimSpace(c.Reason) == "" {
		if c.Reason, err = s.ask(ctx, "Why? "); err != nil {
			return err
		}
	}
	answer, err := s.ask(ctx, fmt.Sprintf("Repair %s? Only \"yes\" does it: ", plain.Quoted(line(c.Path))))
	if err != nil {
		return err
	}
	if strings.TrimSpace(c.Reason) == "" || answer != "yes" {
		fmt.Fprintln(s.err, "Nothing was repaired.")
		return outcomeError{exitUnconfirmed}
	}
	return nil
}

func (s *session) endRepair(raw []byte, a repairAnswer) error {
	if s.JSON {
		if err := s.printJSON(raw); err != nil {
			return err
		}
	} else {
		s.facts(a)
	}
	return exitError(a.Outcome)
}

func (s *session) facts(a repairAnswer) {
	s.say("Before: %s", stateLine(a.Before))
	s.say("After:  %s", stateLine(a.After))
	s.say("%s: %s", line(a.Outcome), line(a.Message))
	for _, step := range a.NextSteps {
		s.say("  > %s", line(step))
	}
}

func stateLine(f policy.StateAndDigests) string {
	text := "no state"
	if f.StateMD5 != "" {
		text = "MD5 " + f.StateMD5
		if f.Serial != nil {
			text += fmt.Sprintf(", serial %d", *f.Serial)
		}
		if f.VersionID != "" {
			text += ", version " + f.VersionID
		}
	}
	if len(f.Digests) == 0 {
		text += "; no digest"
	}
	for _, table := range slices.Sorted(maps.Keys(f.Digests)) {
		text += fmt.Sprintf("; digest %s in %s", plain.Quoted(f.Digests[table]), table)
	}
	return line(text)
}
