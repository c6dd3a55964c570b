package slack_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/alert/slack"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// What is to be copied comes out of Slack as it went in.
func TestCodeCanBeCopied(t *testing.T) {
	strange, plain := samples.Lock(), samples.Lock()
	strange.Who, strange.Path = "a<b>&c_d*e@host", "states/a_b/*c*/<d>&e/terraform.tfstate"
	plain.Path = "states/a_b=c,d+e@f~g/h i/terraform.tfstate"
	command := composer.Lock(alert.LockStuck, plain, 1, now).Actions.Unlock
	for want, f := range map[string]policy.Description{
		"`" + strange.Who + "`": strange, "`" + strange.Path + "`": strange, "`" + strange.ID + "`": strange,
		"`" + plain.Path + "`": plain, "```" + command + "```": plain,
	} {
		if shown := shownFor(t, composer.Lock(alert.LockStuck, f, 1, now)); !strings.Contains(shown, want) {
			t.Errorf("%s is not in %s", want, shown)
		}
	}
}

// What people copy of a message about one lock is understood as a whole when it is pasted to release it.
func TestAMessageAboutOneLockCanBePasted(t *testing.T) {
	links := regexp.MustCompile(`<[^|>]*\|([^>]*)>`)
	for name, sample := range sampleEvents() {
		e, ok := sample.content.(alert.Event)
		if !ok || e.Lock == nil || !slices.Contains([]alert.Type{alert.LockStuck, alert.LockReminder, alert.LockReleasePlanned, alert.LockRefused}, e.Type) || !alert.Releasable(*e.Lock) {
			continue
		}
		text := links.ReplaceAllString(shownFor(t, e), "$1") // a link is copied as its words
		ref, err := tflock.ParseReference(text)
		if err != nil || ref.ID != e.Lock.ID {
			t.Errorf("%s: %+v, %v", name, ref, err)
		}
		meant := tflock.Meant{ID: e.Lock.ID, Paths: []string{e.Lock.Path}, Buckets: []string{"states"}}
		if beside := meant.Beside(text); beside != "" {
			t.Errorf("%s: %s is not understood: pkg/tflock/phrases.txt has our sentences, of\n%s", name, beside, text)
		}
	}
}

// Of 300 fake locks and one of production, each prefix is listed, with the ID and the path
// that the command wants.
func TestAFloodHidesNothing(t *testing.T) {
	shown := shownFor(t, sampleEvents()["lock-stuck-many"].content.(alert.Event))
	for _, want := range []string{
		"• states/network/production/terraform.tfstate: held by ana@laptop for 45m", "lock ID " + samples.Lock().ID, `"lock_id":"LOCK_ID","path":"BUCKET/KEY"`,
		"states/sandbox 300, states/network 1",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in %s", want, shown)
		}
	}
	var many []policy.Description
	for i := range 40 {
		f := samples.Lock()
		f.Path, f.Who = fmt.Sprintf("states/team-%d/%s/terraform.tfstate", i, strings.Repeat("<&>", 60)), strings.Repeat("&", 200)
		many = append(many, f)
	}
	shown = shownFor(t, composer.Summary(alert.LockStuck, many, alert.Warning, now))
	if got := strings.Count(shown, `/terraform.tfstate" (no command: press Release on the dashboard): held by`); got != 20 {
		t.Errorf("%d of 20 prefixes are listed", got)
	}
}

// A message that an alarm is over, or that nothing is known, does not repeat its fault.
func TestAnAlarmThatIsOverDoesNotRepeatItsFault(t *testing.T) {
	for state, fault := range map[string]bool{"ALARM": true, "OK": false, "INSUFFICIENT_DATA": false} {
		raw, err := json.Marshal(map[string]string{"AlarmName": "StuckLocks", "NewStateValue": state, "AlarmDescription": "A state lock is stuck.", "NewStateReason": "Threshold Crossed"})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(marshalled(t, slack.Renderer{}, "", string(raw))); strings.Contains(got, "A state lock is stuck") != fault {
			t.Errorf("%s: %s", state, got)
		}
	}
}

// An end, a reminder and an alert are told apart by their first character and colour.
func TestKindsDifferAtAGlance(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"lock-stuck", "lock-reminder", "lock-reminder-critical", "lock-resolved", "lock-released", "lock-refused", "scan-failed", "prune-report"} {
		raw, err := json.Marshal(sampleEvents()[name].content)
		if err != nil {
			t.Fatal(err)
		}
		p := mustFit(t, marshalled(t, slack.Renderer{}, "", string(raw)))
		mark, _, _ := strings.Cut(p.Blocks[0].Text.Text, " ")
		if other, twice := seen[mark]; twice {
			t.Errorf("%s and %s both begin with %s", name, other, mark)
		}
		seen[mark] = name
		want := map[string]string{"lock-reminder-critical": "#E01E5A", "lock-resolved": "#2EB67D", "lock-released": "#2EB67D"}[name]
		if want == "" {
			want = "#ECB22E"
		}
		if p.Attachments[0].Colour != want {
			t.Errorf("%s is %s", name, p.Attachments[0].Colour)
		}
	}
}
