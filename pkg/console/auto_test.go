package console_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// seenBy says that one session took every lock.
type seenBy policy.Witness

func (s seenBy) AddTo(_ context.Context, cases []policy.Case) (map[ledger.Object]ledger.Witnessed, error) {
	for i := range cases {
		w := policy.Witness(s)
		cases[i].AddWitness(&w)
	}
	return nil, nil
}

// recalled is what the monitor found out about every run.
type recalled ledger.AutoMemory

func (r recalled) Recall(context.Context) (ledger.AutoMemory, error) {
	return ledger.AutoMemory(r), nil
}

// pageOf is the page of one lock, with what a witness, a CI system and people said of it.
func (w *world) pageOf(path tflock.Path, id string, by policy.Witness, known ledger.AutoRelease, width int) *local.Page {
	w.Helper()
	if len(w.seen) > 0 {
		w.remember()
	}
	c := &console.Console{
		Scanner: scan.New(w.set(), policy.Rules{Thresholds: policy.Thresholds{Default: 30 * time.Minute}, ReleaseGuard: 10 * time.Minute}, func() time.Time { return w.now }),
		Ledger:  ledger.NewNotifications(dynamodb.NewFromConfig(server.Config()), w.ledger),
		Unlock:  unlocker, Prune: w.prune, Witnesses: seenBy(by), AutoReleases: recalled{Locks: map[ledger.Key]ledger.AutoRelease{{Path: path, ID: id}: known}},
	}
	return parse(w, c.Answer(w.Context(), []byte(from("light", width, "")), self))
}

// What S3's events say of a session, a CI system of a run, and people of why a lock stays,
// is text on the page, and in none of its buttons.
func TestEverythingOfASessionAndARunIsText(t *testing.T) {
	w := newWorld(t)
	path := tflock.NewPath(w.name, "env/terraform.tfstate")
	w.lock(string(path), time.Hour, func(i *tflock.Info) { i.ID = "the-lock" })
	piece := rapid.OneOf(rapid.StringN(1, 8, 40), rapid.SampledFrom([]string{
		"<img src=x onerror=alert(1)>", `"><script>alert(1)</script>`, "</td></table>", "</cwdb-action>", "</style><style>*{}", "'", "&quot;", "\u202e", "\x1b[31m", "javascript:alert(1)",
	}))
	text := rapid.Map(rapid.SliceOfN(piece, 1, 3), func(parts []string) string { return strings.ToValidUTF8(strings.Join(parts, ""), "?") })
	rapid.Check(t, func(rt *rapid.T) {
		session, principal, address := text.Draw(rt, "session"), text.Draw(rt, "principal"), text.Draw(rt, "address")
		detail, why, who := text.Draw(rt, "detail"), text.Draw(rt, "why"), text.Draw(rt, "who")
		known := ledger.AutoRelease{Check: &ledger.Check{
			At: w.now.Add(time.Minute), Selected: true, HeldBack: []string{why, detail},
			Run: &policy.Run{Source: policy.GitHub, ID: text.Draw(rt, "run"), URL: "https://x/" + text.Draw(rt, "url"), Status: policy.RunUnknown, Detail: detail},
		}}
		if rapid.Bool().Draw(rt, "kept") {
			known.Keep = &ledger.Keep{At: w.now, By: who}
			why = who
		}
		page := w.pageOf(path, "the-lock", policy.Witness{Principal: principal, Session: session, SourceIP: address, TakenAt: w.now}, known, rapid.SampledFrom([]int{588, 1280}).Draw(rt, "width"))
		harmless(rt, page)
		for _, part := range []string{session, why} {
			if line := strings.Join(strings.Fields(plain.Line(part, 100)), " "); len(part) < 100 && !strings.Contains(page.Text(nil), line) {
				rt.Errorf("%q is not shown: %s", line, page.Text(nil))
			}
		}
		for label, want := range map[string]string{"Release": "released from", "Keep": "kept from"} {
			for _, b := range page.Buttons(label) {
				var payload map[string]any
				if err := json.Unmarshal([]byte(b.Payload), &payload); err != nil || payload["lock_id"] != "the-lock" || payload["path"] != string(path) || !strings.HasPrefix(payload["reason"].(string), want) {
					rt.Errorf("%s: %s, %v", label, b.Payload, err)
				}
			}
		}
	})
}

// What holds a lock back is on the page, with a button that keeps it; not where AutoRelease
// does not select it, and not what an earlier scan said.
func TestThePageSaysWhyALockIsNotReleasedAutomatically(t *testing.T) {
	ended := time.Now().Add(-time.Hour)
	run := &policy.Run{Source: policy.GitHub, ID: "77", Status: policy.RunEnded, Ended: &ended}
	for name, tc := range map[string]struct {
		known ledger.AutoRelease
		says  string
		keep  int
	}{
		"held back":     {ledger.AutoRelease{Check: &ledger.Check{Run: run, Selected: true, HeldBack: []string{"its run ended 2m ago", "its object has the tag lockwarden:keep"}}}, "Not released automatically: its run ended 2m ago; its object has the tag lockwarden:keep.", 1},
		"due":           {ledger.AutoRelease{Check: &ledger.Check{Run: run, Selected: true}}, "It was about to be released automatically.", 1},
		"kept":          {ledger.AutoRelease{Check: &ledger.Check{Run: run, Selected: true}, Keep: &ledger.Keep{By: "ana"}}, "Not released automatically: ana asked to keep the lock.", 0},
		"not selected":  {ledger.AutoRelease{Check: &ledger.Check{Run: run}}, "run ended", 0},
		"nothing known": {ledger.AutoRelease{}, "run likely dead", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			path := tflock.NewPath(w.name, "env/terraform.tfstate")
			w.lock(string(path), time.Hour, func(i *tflock.Info) { i.ID = "the-lock" })
			if tc.known.Check != nil {
				tc.known.Check.At = w.now.Add(time.Minute)
			}
			page := w.pageOf(path, "the-lock", policy.Witness{Principal: "AWS:AROAX:ci", Session: "ci", TakenAt: w.now.Add(-time.Hour)}, tc.known, 1280)
			if got := page.Text(nil); !strings.Contains(got, tc.says) || len(page.Buttons("Keep")) != tc.keep || (tc.keep == 0 && name != "kept" && strings.Contains(got, "automatically")) {
				t.Errorf("%d buttons: %s", len(page.Buttons("Keep")), got)
			}
		})
	}
}
