//go:build !race

package alert_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Of 300 fake locks and one of production, every prefix is listed in every channel, each
// listed lock with the way to release it.
func TestAFloodHidesNothing(t *testing.T) {
	for name, e := range map[string]alert.Event{
		"alerts":    composer.Summary(alert.LockStuck, flood(), alert.Warning, now),
		"reminders": composer.Summary(alert.LockReminder, flood(), alert.Critical, now),
	} {
		t.Run(name, func(t *testing.T) { mustShowProduction(t, e) })
	}
	t.Run("fakes that fill every field", func(t *testing.T) {
		all := flood()
		for i := range all[:300] {
			f := &all[i]
			f.ID, f.Who, f.Operation, f.Version = strings.Repeat("\\", 1024), strings.Repeat("\"", 256), strings.Repeat("\u0001", 256), strings.Repeat("<", 256)
			f.Path = fmt.Sprintf("states/%d/%s", i%19, strings.Repeat("\u0001", 1900))
			f.Evidence.Reasons = []string{strings.Repeat("\x00", 3000)}
		}
		mustShowProduction(t, composer.Summary(alert.LockStuck, all, alert.Warning, now))
	})
}

// Teams that share the first part of their keys, as workspaces do, are kept apart by
// the next one: whatever one of them fills, another's lock has its place and its command.
func TestAFloodHidesNothingOfTeamsThatShareTheFirstPartOfTheirKeys(t *testing.T) {
	var all []policy.Description
	for i := range 1500 {
		f := samples.Lock()
		f.Path, f.ID, f.Who = fmt.Sprintf("states/env:/sandbox/%d/terraform.tfstate", i), fmt.Sprintf("id-%d", i), "mallory@host"
		all = append(all, f)
	}
	production := samples.Lock()
	production.Path = "states/env:/production/terraform.tfstate"
	all = append(all, production)
	for name, change := range map[string]func(i int, d *policy.Description){
		"locks of clients": func(int, *policy.Description) {},
		"locks that fill every field": func(i int, d *policy.Description) {
			d.ID, d.Who, d.Operation, d.Version = strings.Repeat("\\", 1024), strings.Repeat("\"", 256), strings.Repeat("\u0001", 256), strings.Repeat("<", 256)
			d.Path = fmt.Sprintf("states/env:/sandbox/%d/%s", i, strings.Repeat("\u0001", 1900))
			d.Evidence.Reasons = []string{strings.Repeat("\x00", 3000)}
		},
	} {
		for i := range all[:1500] {
			change(i, &all[i])
		}
		for _, event := range []alert.Type{alert.LockStuck, alert.LockReminder, alert.LockResolved} {
			e := composer.Summary(event, all, alert.Warning, now)
			for channel, text := range render(t, e).Texts {
				if !strings.Contains(text, production.Path) {
					t.Errorf("%s, %s: production is not in the text for %s", name, event, channel)
				}
			}
			if n := size(t, render(t, e)); n > 256<<10 {
				t.Errorf("%s, %s: %d bytes", name, event, n)
			}
		}
	}
}

func mustShowProduction(t *testing.T, e alert.Event) {
	t.Helper()
	r := render(t, e)
	var sent alert.Event
	if err := json.Unmarshal([]byte(r.Texts["sqs"]), &sent); err != nil {
		t.Fatal(err)
	}
	listed := false
	for _, i := range sent.Locks {
		if i.Path == "states/production/terraform.tfstate" {
			listed = true
			if i.Actions == nil || !strings.Contains(i.Actions.Unlock, i.Path) || !strings.Contains(i.Actions.Unlock, i.ID) {
				t.Errorf("no command for production: %+v", i.Actions)
			}
			if !strings.Contains(r.Texts["email"], i.Actions.Unlock) {
				t.Error("the mail has no command for production")
			}
		}
	}
	if !listed || len(sent.Locks)+sent.Omitted != 301 {
		t.Errorf("production is listed: %v; %d locks and %d omitted", listed, len(sent.Locks), sent.Omitted)
	}
	if n := notification(t, e); !strings.Contains(n.Content.Description, "states/production/terraform.tfstate") || !strings.Contains(strings.Join(n.Content.NextSteps, "\n"), "BUCKET/KEY") {
		t.Errorf("not in the chat: %+v", n.Content)
	}
	if n := size(t, r); n > 256<<10 {
		t.Errorf("%d bytes", n)
	}
}

// Twenty prefixes are listed; of more than twenty the counts are.
func TestMoreThanTwentyPrefixesAreCounted(t *testing.T) {
	var all []policy.Description
	for i := range 60 {
		f := samples.Lock()
		f.Path, f.ID = fmt.Sprintf("states/team-%d/terraform.tfstate", i%30), fmt.Sprintf("id-%d", i)
		all = append(all, f)
	}
	var sent alert.Event
	r := render(t, composer.Summary(alert.LockStuck, all, alert.Warning, now))
	if err := json.Unmarshal([]byte(r.Texts["sqs"]), &sent); err != nil {
		t.Fatal(err)
	}
	prefixes := map[string]bool{}
	for _, i := range sent.Locks[:20] {
		prefixes[alert.PrefixOf(i.Path)] = true
	}
	if len(prefixes) != 20 || len(sent.Prefixes) != 30 {
		t.Errorf("%d prefixes listed, %d counted", len(prefixes), len(sent.Prefixes))
	}
	for i := range 30 {
		if want := fmt.Sprintf("states/team-%d (2 locks)", i); !strings.Contains(r.Texts["email"], want) {
			t.Errorf("%s is not in the mail", want)
		}
	}
}

func TestARepairOfADigestOfAnyLengthFits(t *testing.T) {
	r := samples.Repair()
	r.Before.Digests = map[string]string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks": strings.Repeat("\"", 300<<10)}
	e := composer.Repaired(r, now)
	if n := size(t, render(t, e)); n > 256<<10 {
		t.Errorf("%d bytes", n)
	}
	if len(r.Before.Digests) != 1 || len(e.Repair.Before.Digests) != 1 {
		t.Errorf("the event has %d digests", len(e.Repair.Before.Digests))
	}
}

// The signs of markup take several bytes each in a chat: whoever fills the oldest lock with them leaves room for another's path.
func TestNoLockOfMarkupHidesAnotherInTheChat(t *testing.T) {
	for _, sign := range []string{"&", "<", "_", "@", "中"} {
		long, other := samples.Lock(), samples.Lock()
		long.Path = "states/" + strings.Repeat(sign, 1000/len(sign)) + "/x"
		long.Who, long.Operation, long.ID = strings.Repeat(sign, 256), strings.Repeat(sign, 256), strings.Repeat(sign, 300)
		long.HeldSince = long.HeldSince.Add(-time.Hour)
		other.Path = "states/production/terraform.tfstate"
		said := notification(t, composer.Summary(alert.LockStuck, []policy.Description{long, other}, alert.Warning, now)).Content.Description
		if !strings.Contains(said, other.Path) {
			t.Errorf("%s: %s", sign, said)
		}
	}
}
