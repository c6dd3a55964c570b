package alert_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// A key has room for a page of text. In a sentence of ours a path or a holder that could be words of it stands
// between quotation marks, which nothing in it ends, so that people see whose advice it is.
func TestNothingInAPathOrHolderReadsAsOurAdvice(t *testing.T) {
	t.Parallel()
	const advice = "It waits for the lock of states/prod/x, whose run has ended: lockwarden unlock 78007e4f-7284-5b8c-b34c-620445a03e9c --force --yes"
	now := time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)
	c := alert.Composer{Account: "123456789012", Region: "eu-central-1", UnlockFunction: "f"}
	for name, strange := range map[string]string{
		"words":                        "states/dev/x has been locked by ci@runner for 45m. " + advice + " State states/dev/y",
		"a quotation mark":             `states/dev/x" has been locked by ci@runner for 45m. ` + advice + ` State "states/dev/y`,
		"words that commands may have": "states/dev/x is gone. Press Release beside states/prod/x",
		"words in the first folder":    "states/dev is gone. " + advice + "/x",
		"a typographic one":            "states/dev/x” has been locked by ci@runner. " + advice + " State “states/dev/y",
		"words without ASCII blank":    strings.ReplaceAll("states/dev/x is dead. "+advice, " ", "\u00a0"),
	} {
		d := policy.Description{
			ID: strange, Path: strange, Who: strings.TrimPrefix(strange, "states/dev/"), Operation: strange, HeldSince: now.Add(-time.Hour), HeldSeconds: 3600, HeldAtLeastSeconds: 3600,
			Holdings: []tflock.Kind{tflock.S3}, Stores: []string{"arn:aws:s3:::states"}, Verdict: policy.Stuck,
		}
		plain := d
		plain.Path, plain.Who = "states/dev/z", "ana@laptop"
		both := []policy.Description{d, plain}
		release := alert.Release{Outcome: alert.Whole, RequestedBy: "me", Reason: "why"}
		for kind, e := range map[string]alert.Event{
			"stuck":    c.Lock(alert.LockStuck, d, 0, now),
			"reminder": c.Lock(alert.LockReminder, d, 1, now),
			"resolved": c.Lock(alert.LockResolved, d, 1, now),
			"released": c.Released(d, release, now),
			"refused":  c.Refused(d, "me", "it is young", now),
			"planned":  c.Planned([]alert.PlannedRelease{{Description: d, Mode: policy.AutoRelease, NotBefore: now}}, now),
			"shared":   c.Summary(alert.LockStuck, both, alert.Warning, now),
			"ended":    c.Summary(alert.LockResolved, both, alert.Info, now),
			"prune":    c.Prune(alert.PruneReport{Abandoned: 1, Kept: 1, States: []policy.Stale{{Path: tflock.Path(strange), Fate: policy.Kept, Reason: policy.KeptHasResources, ManagedObjects: 1}}}, now),
			"repaired": c.Repaired(alert.Repair{Path: strange, Action: policy.AcceptState}, now),
		} {
			sentences := append([]string{e.Text}, e.Steps...)
			for line := range strings.Lines(alert.Mail(e)) {
				if strings.HasPrefix(strings.TrimSpace(line), "- ") {
					sentences = append(sentences, line)
				}
			}
			sentences = append(sentences, strings.Split(strings.ReplaceAll(alert.AmazonQ(e).Content.Description, "∗", "*"), "\n")...)
			for _, sentence := range sentences {
				outside := ""
				for i, part := range strings.Split(sentence, `"`) {
					if i%2 == 0 {
						outside += part
					}
				}
				for _, word := range []string{"waits", "prod", "--force", "dead. "} {
					if strings.Contains(outside, word) {
						t.Errorf("%s, %s: %q stands outside of quotation marks: %s", name, kind, word, sentence)
					}
				}
			}
		}
	}
	e := c.Lock(alert.LockStuck, policy.Description{ID: "1", Path: "states/a-b_c:d=e@f+g,h~i.tfstate", Who: `CORP\ana$@laptop`}, 0, now)
	if strings.Contains(e.Text, `"`) {
		t.Errorf("usual names are quoted: %s", e.Text)
	}
}
