package alert_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
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
			if strings.Contains(mail, promise) {
				t.Errorf("%s: %q in\n%s", name, promise, mail)
			}
		}
		if !strings.Contains(mail, "to the unlock function") {
			t.Errorf("%s: nothing of the unlock function in\n%s", name, mail)
		}
	}
	lock := samples.Lock()
	mail := alert.Mail(outside.Lock(alert.LockStuck, lock, 1, now))
	if beside := (tflock.Meant{ID: lock.ID, Paths: []string{lock.Path}, Buckets: []string{"states"}}).Beside(mail); beside != "" {
		t.Errorf("the mail cannot be pasted: %s is not understood", beside)
	}
}
