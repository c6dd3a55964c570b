package alert_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/alert/slack"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Outside of AWS an alert has no command of ours: it promises none, since the only one below is the client's, which checks nothing, and no
// dashboard.
func TestOutsideOfAWSNoCommandIsPromised(t *testing.T) {
	outside := alert.Composer{Account: "123456789012", Region: "eu-central-1"}
	odd := samples.Lock()
	odd.ID, odd.Path = "it's mine", "states/team/it's-mine"
	for name, e := range map[string]alert.Event{
		"one lock":       outside.Lock(alert.LockStuck, samples.Lock(), 1, now),
		"an odd lock":    outside.Lock(alert.LockReminder, odd, 2, now),
		"several locks":  outside.Summary(alert.LockReminder, []policy.Description{samples.Lock(), odd}, alert.Warning, now),
		"several in all": outside.Summary(alert.LockStuck, []policy.Description{odd, odd}, alert.Warning, now),
	} {
		mail := alert.Mail(e)
		for _, promise := range []string{"command below", "its command", "AWS CLI", "on the dashboard"} {
			for _, text := range []string{mail, inAmazonQ(e), inSlack(t, e)} {
				if strings.Contains(text, promise) {
					t.Errorf("%s: %q in\n%s", name, promise, text)
				}
			}
		}
		if !strings.Contains(mail, "to the unlock function") {
			t.Errorf("%s: nothing of the unlock function in\n%s", name, mail)
		}
		if warned := strings.Contains(mail, "never between a shell's quotes"); warned == (name == "one lock") {
			t.Errorf("%s: warned of a name that a shell may run: %v:\n%s", name, warned, mail)
		}
	}
	lock := samples.Lock()
	mail := alert.Mail(outside.Lock(alert.LockStuck, lock, 1, now))
	if beside := (tflock.Meant{ID: lock.ID, Paths: []string{lock.Path}, Buckets: []string{"states"}}).Beside(mail); beside != "" {
		t.Errorf("the mail cannot be pasted: %s is not understood", beside)
	}
}

func inAmazonQ(e alert.Event) string {
	n := alert.AmazonQ(e)
	return n.Content.Title + n.Content.Description + strings.Join(n.Content.NextSteps, "\n")
}

// inSlack is what the channel of a stack shows, whose topic is used outside of AWS as well.
func inSlack(t *testing.T, e alert.Event) string {
	t.Helper()
	body, err := json.Marshal(slack.Renderer{}.Message("", render(t, e).Texts["default"]))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
