package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

type unlockCommand struct {
	ID     string `arg:"" optional:"" help:"The lock's ID, or - to read a pasted error or alert from standard input. Default: -."`
	Path   string `help:"bucket/key of the state. With it the ID is taken literally." placeholder:"BUCKET/KEY"`
	Reason string `help:"Why it is safe to release the lock, for the record. Asked for when missing." env:"LOCKWARDEN_REASON"`
	By     string `help:"Who asks, for the record. Default: your user name." env:"LOCKWARDEN_BY"`
	Force  bool   `help:"Release it although its run may be alive. The state may then have two writers."`
	Yes    bool   `help:"Do not ask; needs --reason."`
	DryRun bool   `help:"Only show the evidence and what would happen."`
}

// unlockRequest is the unlock function's payload.
type unlockRequest struct {
	LockID      string `json:"lock_id"`
	Path        string `json:"path,omitempty"`
	Reason      string `json:"reason,omitempty"`
	RequestedBy string `json:"requested_by,omitempty"`
	Force       bool   `json:"force,omitempty"`
	DryRun      bool   `json:"dry_run,omitempty"`
}

// unlockAnswer is its answer.
type unlockAnswer struct {
	Outcome   string              `json:"outcome"`
	Message   string              `json:"message"`
	Lock      *policy.Description `json:"lock"`
	NextSteps []string            `json:"next_steps"`
}

// maxPaste bounds what is read of standard input; the function reads less, and says so.
const maxPaste = 1 << 20

// Run releases a lock in two calls: a dry run finds it and shows the evidence, and the
// second names what was shown, so that nothing else can go.
func (c unlockCommand) Run(ctx context.Context, s *session) error {
	text, err := c.text(ctx, s)
	if err != nil {
		return err
	}
	c.Yes = c.Yes && !s.pasted
	if c.Yes && !c.DryRun && strings.TrimSpace(c.Reason) == "" {
		return errors.New("--yes needs a --reason")
	}
	var seen unlockAnswer
	raw, err := s.answer(ctx, unlockOutput, unlockRequest{LockID: text, Path: c.Path, RequestedBy: requester(c.By), Force: c.Force, DryRun: true}, &seen)
	if err != nil {
		return err
	}
	if chosen, one := seen.onlyChoice(); one && !c.DryRun && !c.Yes && !s.JSON {
		if seen, raw, err = c.showChoice(ctx, s, seen, chosen); err != nil {
			return err
		}
	}
	if c.DryRun || seen.Outcome != "would_release" || seen.Lock == nil {
		return s.end(raw, seen)
	}
	if !s.JSON {
		s.evidence(seen)
	}
	if err := c.confirm(ctx, s, *seen.Lock); err != nil {
		return err
	}
	var done unlockAnswer
	raw, err = s.answer(ctx, unlockOutput, unlockRequest{LockID: seen.Lock.ID, Path: seen.Lock.Path, Reason: c.Reason, RequestedBy: requester(c.By), Force: c.Force}, &done)
	if err != nil {
		return err
	}
	done.Lock = nil // it was shown
	return s.end(raw, done)
}

// choice names one lock.
type choice struct {
	Path   string `json:"path"`
	LockID string `json:"lock_id"`
}

// onlyChoice is the lock of an ambiguous answer that offers one.
func (a unlockAnswer) onlyChoice() (only choice, ok bool) {
	found := 0
	for _, step := range a.NextSteps {
		if raw, isChoice := strings.CutPrefix(step, "Choice: "); isChoice && a.Outcome == "ambiguous" {
			found++
			ok = json.Unmarshal([]byte(raw), &only) == nil && only.Path != "" && only.LockID != ""
		}
	}
	return only, ok && found == 1
}

// showChoice asks whether the one lock that a text may mean is the one that was read in it, and then looks at
// it as if it had been named by its path.
func (c unlockCommand) showChoice(ctx context.Context, s *session, seen unlockAnswer, chosen choice) (unlockAnswer, []byte, error) {
	s.say("%s: %s", line(seen.Outcome), line(seen.Message))
	s.say("State:      %s", line(chosen.Path))
	s.say("Lock ID:    %s", line(chosen.LockID))
	word := s.word("yes")
	answer, err := s.ask(ctx, fmt.Sprintf("Is this the lock that you read in the text? Only %q goes on with it: ", word))
	if err != nil {
		return seen, nil, err
	}
	if answer != word {
		fmt.Fprintln(s.err, "Nothing was released.")
		return seen, nil, outcomeError{exitUnconfirmed}
	}
	var again unlockAnswer
	raw, err := s.answer(ctx, unlockOutput, unlockRequest{LockID: chosen.LockID, Path: chosen.Path, RequestedBy: requester(c.By), Force: c.Force, DryRun: true}, &again)
	return again, raw, err
}

// text is what names the lock.
func (c unlockCommand) text(ctx context.Context, s *session) (string, error) {
	if c.ID != "" && c.ID != "-" {
		return c.ID, nil
	}
	text, err := s.read(ctx)
	switch {
	case err != nil:
		return "", err
	case len(text) > maxPaste:
		return "", errors.New("the text has more than a megabyte: paste only the error")
	case strings.TrimSpace(text) == "":
		return "", errors.New("no lock: give its ID, or the pasted error on standard input")
	}
	return text, nil
}

// read reads standard input, or what is pasted where that is a terminal, up to more than a text may have.
func (s *session) read(ctx context.Context) (string, error) {
	if s.paste != nil {
		s.pasted = true
		return s.paste(ctx)
	}
	text, err := io.ReadAll(io.LimitReader(s.in, maxPaste+1))
	if err != nil {
		return "", fmt.Errorf("standard input: %w", err)
	}
	return string(text), nil
}

// requester is who asks: the given name, or the user's.
func requester(given string) string {
	if given != "" {
		return given
	}
	if me, err := user.Current(); err == nil {
		return me.Username
	}
	return os.Getenv("USER")
}

// confirm asks for what is missing. A forced release is confirmed by a longer word.
func (c *unlockCommand) confirm(ctx context.Context, s *session, d policy.Description) error {
	if c.Yes {
		return nil
	}
	var err error
	if strings.TrimSpace(c.Reason) == "" {
		if c.Reason, err = s.ask(ctx, "Why is it safe to release it? "); err != nil {
			return err
		}
	}
	word := s.word("yes")
	if c.Force {
		word = s.word("force")
	}
	answer, err := s.ask(ctx, fmt.Sprintf("Release the lock on %s? Only %q releases it: ", plain.Quoted(line(d.Path)), word))
	if err != nil {
		return err
	}
	if strings.TrimSpace(c.Reason) == "" || answer != word {
		fmt.Fprintln(s.err, "Nothing was released.")
		return outcomeError{exitUnconfirmed}
	}
	return nil
}

// end prints the last answer.
func (s *session) end(raw []byte, a unlockAnswer) error {
	if s.JSON {
		if err := s.printJSON(raw); err != nil {
			return err
		}
	} else {
		s.evidence(a)
	}
	return exitError(a.Outcome)
}

func (s *session) evidence(a unlockAnswer) {
	if f := a.Lock; f != nil {
		s.say("State:      %s", line(f.Path))
		s.say("Held by:    %s", line(holder(*f)))
		s.say("Operation:  %s (client version %s)", line(f.Operation), line(f.Version))
		s.say("Lock ID:    %s", line(f.ID))
		s.say("Since:      %s (%s)", policy.Clock(f.HeldSince), policy.Words(f.Held()))
		s.say("Its run:    %s", line(f.Evidence.Liveness.Words()))
		for _, reason := range f.Evidence.Reasons {
			s.say("  - %s", line(reason))
		}
	}
	s.say("%s: %s", line(a.Outcome), line(a.Message))
	for _, step := range a.NextSteps {
		s.say("  > %s", line(step))
	}
}
