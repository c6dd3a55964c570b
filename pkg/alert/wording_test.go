package alert_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// A resolved lock has one duration and no verdict on its run.
func TestAResolvedLockHasOneDuration(t *testing.T) {
	f := samples.Held(45 * time.Minute)
	later := now.Add(3 * time.Hour)
	for name, e := range map[string]alert.Event{
		"alone":  composer.Lock(alert.LockResolved, f, 2, later),
		"shared": composer.Summary(alert.LockResolved, []policy.Description{f, f}, alert.Info, later),
	} {
		r := render(t, e)
		for channel, text := range r.Texts {
			if strings.Contains(text, "45m,") || strings.Contains(text, "likely") || strings.Contains(text, "held for 45m") {
				t.Errorf("%s, %s: %s", name, channel, text)
			}
			if !strings.Contains(text, "3h45m") {
				t.Errorf("%s, %s does not say how long: %s", name, channel, text)
			}
			if strings.Contains(text, "failed CI system") {
				t.Errorf("%s, %s: advice for stuck locks", name, channel)
			}
		}
	}
}

// Restore is offered where something was pruned, and nowhere else.
func TestRestoreIsOfferedWhereSomethingWasPruned(t *testing.T) {
	for name, pruned := range map[string]int{"something was pruned": 1, "nothing was": 0} {
		r := pruneReport()
		r.Pruned = pruned
		for channel, text := range render(t, composer.Prune(r, now)).Texts {
			if got := strings.Contains(text, "BUCKET/KEY"); got != (pruned > 0) {
				t.Errorf("%s: %s offers to restore: %v", name, channel, got)
			}
		}
	}
}

func TestAPruneNamesWhatSomeonePaysFor(t *testing.T) {
	text := composer.Prune(pruneReport(), now).Text
	if want := "1 stale state still manages infrastructure, and someone pays for it: states/branches/b/terraform.tfstate (14 resources)."; !strings.HasPrefix(text, want) {
		t.Errorf("got %s", text)
	}
}

// The subject and the first sentence each say which state, who holds it, for how long, and
// whether its run is alive.
func TestSubjectAndFirstSentenceSayWhatMatters(t *testing.T) {
	for name, e := range events() {
		if e.Lock == nil || e.Lock.Verdict == policy.Unreadable {
			continue
		}
		sentence, _, _ := strings.Cut(e.Text, ". ")
		words := []string{policy.Words(e.Lock.Held()), "terraform.tfstate"}
		for _, want := range words {
			if !strings.Contains(e.Subject, want) || !strings.Contains(sentence, want) {
				t.Errorf("%s: no %q in %q and %q", name, want, e.Subject, sentence)
			}
		}
		if !strings.Contains(sentence, e.Lock.Path) {
			t.Errorf("%s: no whole path in %q", name, sentence)
		}
		if e.Type != alert.LockResolved && (!strings.Contains(e.Subject, "run ") || !strings.Contains(sentence, "run ")) {
			t.Errorf("%s: nothing about the run in %q and %q", name, e.Subject, sentence)
		}
	}
}

// A command in the steps can be copied from every channel as it is: an invisible character in it would not be seen.
func TestCommandsInStepsCanBeCopied(t *testing.T) {
	for name, e := range events() {
		if e.Type != alert.StateFinding {
			continue
		}
		for channel, text := range render(t, e).Texts {
			for line := range strings.Lines(text) {
				_, command, found := strings.Cut(line, "lockwarden repair BUCKET/KEY ")
				action, _, _ := strings.Cut(command, " ")
				if found && action != "accept_state" && action != "delete_digest" && action != "restore_version" {
					t.Errorf("%s, %s: a repair of the name %q", name, channel, action)
				}
			}
		}
	}
}
