//go:build !race

package alert_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// asksToRelease are the events after which people release the lock.
var asksToRelease = map[alert.Type]bool{alert.LockStuck: true, alert.LockReminder: true, alert.LockRefused: true, alert.LockReleasePlanned: true}

// strange are the events of locks whose holder, or session, shows what may be another lock.
var strange = map[string]bool{"lock-stuck-session": true, "a session called like a lock": true}

func meant(d policy.Description) tflock.Meant {
	return tflock.Meant{ID: d.ID, Paths: []string{d.Path}, Buckets: []string{"states"}}
}

// What people receive about one lock can be pasted as a whole into lock_id, and names that
// lock of that state.
func TestOurOwnMessagesCanBePastedBack(t *testing.T) {
	all := events()
	// A session may be called like another lock, and CodeBuild's always look like one.
	for name, session := range map[string]string{"a CodeBuild session": "AWSCodeBuild-" + victim, "a session called like a lock": victim} {
		all[name] = composer.Lock(alert.LockStuck, witnessed(session, "192.0.2.44"), 1, now)
	}
	// Sentences have names with blanks between quotation marks.
	for name, of := range map[string]struct{ who, path string }{
		"a holder with a full name": {`CORP\Ana Lopez@PC-7`, "states/network/production/terraform.tfstate"},
		"a key with blanks":         {"ana@laptop", "states/my team/network/terraform.tfstate"},
		"both":                      {`Ana Lopez@PC`, "states/my team/terraform.tfstate"},
	} {
		d := samples.Lock()
		d.Who, d.Path = of.who, of.path
		all[name], all[name+", later"] = composer.Lock(alert.LockStuck, d, 0, now), composer.Lock(alert.LockReminder, d, 1, now)
		all[name+", refused"] = composer.Refused(d, "ana", "the state was written 2m ago", now)
	}
	for name, e := range all {
		if e.Lock == nil || e.Current != nil || e.Lock.Verdict == policy.Unreadable || !alert.Releasable(*e.Lock) {
			continue
		}
		r := render(t, e)
		for what, text := range map[string]string{
			"mail": "Subject: " + r.Subject + "\n\n" + r.Texts["email"], "a reply": "> " + strings.ReplaceAll(r.Texts["email"], "\n", "\n> "), "event": r.Texts["default"], "command": e.Actions.Unlock,
		} {
			if text == "" {
				continue
			}
			if got, err := tflock.ParseReference(text); err != nil || got.ID != e.Lock.ID || got.Path != e.Lock.Path {
				t.Errorf("%s of %s: got %+v, %v", what, name, got, err)
			}
			if beside := meant(*e.Lock).Beside(text); beside != "" && (asksToRelease[e.Type] || what == "command") && !strange[name] {
				t.Errorf("%s of %s: %s is not understood: pkg/tflock/phrases.txt has our sentences", what, name, beside)
			}
		}
	}
	for _, i := range composer.Summary(alert.LockReminder, []policy.Description{samples.Lock(), samples.Held(1)}, alert.Warning, now).Locks {
		if got, err := tflock.ParseReference(i.Actions.Unlock); err != nil || got.ID != i.ID || got.Path != i.Path {
			t.Errorf("a command of a shared message: %+v, %v", got, err)
		}
	}
}
