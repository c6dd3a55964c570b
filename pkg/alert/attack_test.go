//go:build !race

package alert_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Whoever releases a lock may paste a whole log as the reason, and a holder may fill every
// field with what JSON writes in six bytes: the event of one lock fits into SNS all the same.
func TestTheEventOfOneLockFitsWhateverIsInIt(t *testing.T) {
	const sns = 256 << 10
	c := alert.Composer{Account: "123456789012", Region: "eu-central-1", UnlockFunction: "unlock"}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, sign := range []string{"a", "\x01", "\"", "<", "`", "\u2028", "é"} {
		long := func(n int) string { return strings.Repeat(sign, n/len(sign)) }
		f := policy.Description{
			ID: long(1024), Path: "b/" + long(2046), Operation: long(256), Who: long(256), Version: long(256), HeldSince: now, Verdict: policy.Stuck,
			Evidence: policy.Evidence{Reasons: []string{long(500), long(500), long(500), long(500), long(500)}},
		}
		for name, e := range map[string]alert.Event{
			"released": c.Released(f, alert.Release{Outcome: alert.Whole, RequestedBy: long(100_000), Reason: long(100_000)}, now),
			"refused":  c.Refused(f, long(100_000), long(100_000), now),
			"resolved": c.Lock(alert.LockResolved, f, 1, now).By(long(4000), long(4000)).NowLockedBy(f),
			"stuck":    c.Lock(alert.LockStuck, f, 1, now),
		} {
			r, err := alert.Render(e)
			if err != nil {
				t.Fatal(err)
			}
			size := 0
			for _, text := range r.Texts {
				size += len(strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text))
			}
			for _, a := range r.Attributes {
				size += len(*a.StringValue)
			}
			if size > sns {
				t.Errorf("%s of %q: %d bytes", name, sign, size)
			}
			if !strings.Contains(r.Texts["email"], "b/") {
				t.Errorf("%s of %q: no path in the mail", name, sign)
			}
		}
	}
}

// On-call prints what ended in a dead-letter queue: a terminal obeys none of it.
func TestNoMessageForMachinesCommandsATerminal(t *testing.T) {
	f := samples.Lock()
	f.Path, f.Who, f.ID = "states/team-a/\u009b2J/terraform.tfstate", "me\u202e@host\u2066", "x\u009d0;y\u009c\x7f"
	c := alert.Composer{Account: "123456789012", Region: "eu-central-1", UnlockFunction: "unlock"}
	r := render(t, c.Lock(alert.LockStuck, f, 1, f.HeldSince))
	for protocol, text := range r.Texts {
		if json.Valid([]byte(text)) && strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
			t.Errorf("%s: %q", protocol, text)
		}
	}
	var e alert.Event
	if err := json.Unmarshal([]byte(r.Texts["default"]), &e); err != nil || e.Lock == nil || e.Lock.Who != f.Who {
		t.Errorf("machines do not get the holder as it is: %v", err)
	}
}

// SNS and SQS take the characters of XML 1.0. One lock whose path has another must not keep
// a message from being sent, which it may share with others.
func TestEveryChannelHasOnlyCharactersThatSNSTakes(t *testing.T) {
	f := samples.Lock()
	f.Path, f.Who, f.ID = "states/team-a/\uFFFE\uFFFF\x00/terraform.tfstate", "me\uFFFF@host", "x\uFFFEy"
	c := alert.Composer{Account: "123456789012", Region: "eu-central-1", UnlockFunction: "unlock"}
	r := render(t, c.Lock(alert.LockStuck, f, 1, f.HeldSince))
	texts := map[string]string{"subject": r.Subject}
	for protocol, text := range r.Texts {
		texts[protocol] = text
	}
	for name, a := range r.Attributes {
		texts[name] = *a.StringValue
	}
	for where, text := range texts {
		if strings.ContainsAny(text, "\uFFFE\uFFFF\x00") {
			t.Errorf("%s: %q", where, text)
		}
	}
	var e alert.Event
	if err := json.Unmarshal([]byte(r.Texts["default"]), &e); err != nil || e.Lock == nil || e.Lock.Path != f.Path {
		t.Errorf("machines do not get the path as it is: %v", err)
	}
}

// Whoever says that its lock is the oldest has the first place in the subject of a message that others share.
func TestALongPrefixHidesNoOtherInASubject(t *testing.T) {
	long, other := samples.Lock(), samples.Lock()
	long.Path, other.Path = "states/"+strings.Repeat("x", 80)+"/a", "states/production/a"
	subject := render(t, composer.Summary(alert.LockStuck, []policy.Description{long, other}, alert.Warning, now)).Subject
	if !strings.Contains(subject, "states/production (1)") {
		t.Errorf("%q", subject)
	}
}
