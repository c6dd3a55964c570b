package slack_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/alert/slack"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// post is what the webhook gets, read back without the library that wrote it.
type post struct {
	Text        string  `json:"text"`
	Blocks      []block `json:"blocks"`
	Attachments []struct {
		Color  string  `json:"color"`
		Blocks []block `json:"blocks"`
	} `json:"attachments"`
}

type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text"`
	Fields   []text `json:"fields"`
	Elements []text `json:"elements"`
}

type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji"`
	Verbatim bool   `json:"verbatim"`
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// mustFit checks a post against Slack's documented limits and against forged markup,
// and gives it.
func mustFit(t failer, raw []byte) post {
	t.Helper()
	var p post
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatalf("%v", err)
	}
	if len(p.Attachments) != 1 || len(p.Blocks) != 1 || p.Blocks[0].Type != "header" {
		t.Fatalf("a post has a headline and one coloured bar: %s", raw)
	}
	blocks, total := append(p.Blocks, p.Attachments[0].Blocks...), 0
	if len(blocks) > 50 || len(blocks) < 2 {
		t.Fatalf("%d blocks", len(blocks))
	}
	check := func(x text, limit int) {
		t.Helper()
		if n := size(x.Text); n == 0 || n > limit {
			t.Fatalf("%d characters of at most %d: %q", n, limit, x.Text)
		}
		total += size(x.Text)
		harmless(t, x)
	}
	for _, b := range blocks {
		switch b.Type {
		case "header":
			check(*b.Text, 150)
			if b.Text.Type != "plain_text" {
				t.Fatalf("a header is plain text")
			}
		case "section":
			if b.Text != nil {
				check(*b.Text, 3000)
			} else if len(b.Fields) == 0 {
				t.Fatalf("an empty section")
			}
			if len(b.Fields) > 10 {
				t.Fatalf("%d fields", len(b.Fields))
			}
			for _, f := range b.Fields {
				check(f, 2000)
			}
		case "context":
			if n := len(b.Elements); n == 0 || n > 10 {
				t.Fatalf("%d elements", n)
			}
			for _, e := range b.Elements {
				check(e, 3000)
			}
		default:
			t.Fatalf("a block of type %q", b.Type)
		}
	}
	if total > 13_000 { // Slack refuses larger messages with msg_blocks_too_long
		t.Fatalf("%d characters in all", total)
	}
	if strings.ContainsAny(p.Text, "<>*_~`@\n") || size(p.Text) > 3000 || p.Text == "" {
		t.Fatalf("the notification's text: %q", p.Text)
	}
	return p
}

func size(s string) int { return len(utf16.Encode([]rune(s))) }

var (
	// links are the ones that we make: their hosts and texts are ours.
	links = regexp.MustCompile(`<https://(github\.com/lockwarden/|[a-z0-9-]+\.console\.aws\.amazon\.com/)[^<>| ]*\|(State object|Runbook|Dashboard|Alarm)>`)
	codes = regexp.MustCompile("```[^`]+```|`[^`\n]+`")
	// markupOfEvents is all that remains of a mrkdwn text of ours when links and code are gone.
	markupOfEvents = regexp.MustCompile(`^(\*[A-Z][A-Za-z ,:?]*\*)?[A-Za-z0-9 ,.:;?'·\n-]*$`)
	entities       = regexp.MustCompile(`&(amp|lt|gt);`)
)

// harmless fails when a text can mention, link, or be read as markup that is not ours.
func harmless(t failer, x text) {
	t.Helper()
	if strings.ContainsFunc(x.Text, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }) {
		t.Fatalf("a control character in %q", x.Text)
	}
	switch x.Type {
	case "plain_text":
		if x.Emoji == nil || *x.Emoji || strings.ContainsAny(x.Text, "<>") {
			t.Fatalf("plain text that Slack may read: %q", x.Text)
		}
	case "mrkdwn":
		if !x.Verbatim {
			t.Fatalf("Slack finds links and names by itself in %q", x.Text)
		}
		rest := links.ReplaceAllString(x.Text, "")
		for _, code := range codes.FindAllString(rest, -1) {
			if inner := entities.ReplaceAllString(code, ""); strings.ContainsAny(inner, "<>&") {
				t.Fatalf("a mention or a link in the code %q", code)
			}
		}
		if rest = codes.ReplaceAllString(rest, ""); !markupOfEvents.MatchString(rest) {
			t.Fatalf("markup that is not ours: %q", rest)
		}
	default:
		t.Fatalf("a text of type %q", x.Type)
	}
}

// hostile texts try Slack's markup, and everything that ends a line or a string.
func hostile() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		bits := rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom([]string{
				"<!channel>", "<!here>", "<@U024BE7LH>", "<#C024BE7LR>", "<!subteam^S1>", "<https://evil.example|State object>", "https://evil.example",
				"*", "_", "~", "`", "```", "&", "&lt;!channel&gt;", "&amp;", "<", ">", "|", ":rotating_light:", "@channel", "\n", "\r", "\x00", "\x1b", "\u2028", "\u202e", "\u200b", "\u00a0", "😀", "\xff", "\"", "'", "$(id)", "%s", "•",
			}), rapid.String(),
		), 0, 12).Draw(t, "bits")
		return strings.Repeat(strings.Join(bits, ""), rapid.SampledFrom([]int{1, 1, 1, 1, 20, 80}).Draw(t, "times"))
	})
}

func TestNoContentBreaksALimitOrForgesMarkup(t *testing.T) {
	text := hostile()
	renderer := slack.Renderer{Dashboard: "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/lockwarden"}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string) string { return text.Draw(t, what) }
		finding := func() policy.Finding {
			f := samples.Lock()
			f.ID, f.Who, f.Operation, f.Version, f.Path = draw("id"), draw("who"), draw("operation"), draw("version"), "states/"+draw("key")
			f.Witness = &policy.Witness{Principal: draw("principal"), Session: draw("session"), SourceIP: draw("address"), TakenAt: f.HeldSince}
			f.Run = &policy.Run{
				Source: policy.RunSource(draw("source")), ID: draw("run"), URL: draw("page"), Detail: draw("detail"), Ended: &f.HeldSince,
				Status: rapid.SampledFrom([]policy.RunStatus{policy.RunEnded, policy.RunInProgress, policy.RunUnknown}).Draw(t, "status"),
			}
			if rapid.Bool().Draw(t, "no bucket") {
				f.Path = draw("path")
			}
			f.Holdings = rapid.SliceOfN(rapid.SampledFrom([]tflock.Kind{tflock.DynamoDB, tflock.S3, tflock.Kind(draw("kind"))}), 0, 2).Draw(t, "holdings")
			f.Evidence.Liveness, f.Evidence.Reasons = policy.Liveness(draw("liveness")), rapid.SliceOfN(text, 0, 30).Draw(t, "reasons")
			f.Evidence.Reasons = append([]string{f.Witness.Words(), f.Run.Words(now)}, f.Evidence.Reasons...)
			f.Verdict = rapid.SampledFrom([]policy.Verdict{policy.Stuck, policy.Unreadable}).Draw(t, "verdict")
			return f
		}
		composer := composer
		composer.Region = rapid.SampledFrom([]string{"eu-central-1", "eu-central-1", draw("region")}).Draw(t, "region")
		var e alert.Event
		switch kind := rapid.SampledFrom([]alert.Type{
			alert.LockStuck, alert.LockReminder, alert.LockResolved, alert.LockUnreadable, alert.LockReleased, alert.LockRefused,
			alert.LockReleasePlanned, alert.ScanFailed, alert.ScanRecovered, alert.PruneReported, alert.StateRepaired, "summary", "forged",
		}).Draw(t, "type"); kind {
		case alert.LockReleased:
			e = composer.Released(finding(), draw("asker"), draw("reason"), true, true, now)
		case alert.LockResolved:
			e = composer.Lock(kind, finding(), 1, now).RemovedBy(policy.Removal{Principal: draw("remover"), Session: draw("remover's session"), SourceIP: draw("address"), RemovedAt: now})
		case alert.LockReleasePlanned:
			e = composer.Planned([]alert.Planned{{Finding: finding(), Mode: policy.AutoRelease, NotBefore: now}}, now)
		case alert.LockRefused:
			e = composer.Kept(finding(), draw("asker"), draw("why"), now)
		case alert.ScanFailed, alert.ScanRecovered:
			e = composer.Scan(kind, alert.Warning, []alert.Backend{{ARN: draw("arn"), Problem: draw("problem")}, {ARN: draw("arn")}}, now)
		case alert.PruneReported:
			r := alert.PruneReport{Pruned: 9, Kept: 99, Errors: []string{draw("error")}}
			for i := range rapid.IntRange(0, 60).Draw(t, "states") {
				r.States = append(r.States, policy.Stale{
					Path: tflock.Path(draw("path")), Why: draw("why"), Reason: policy.Reason(draw("reason")), ManagedObjects: i % 3, LastModified: now,
					Fate: []policy.Fate{policy.Kept, policy.Pruned}[i%2], Types: []policy.TypeCount{{Type: draw("type"), Count: 1}},
				})
			}
			e = composer.Prune(r, now)
		case alert.StateRepaired:
			facts := policy.StateAndDigests{StateMD5: draw("md5"), VersionID: draw("version"), Digests: map[string]string{draw("table"): draw("digest"), draw("table 2"): draw("digest")}}
			e = composer.Repaired(alert.Repair{Path: draw("path"), Action: policy.RestoreVersion, VersionID: draw("version"), RequestedBy: draw("who"), Reason: draw("reason"), Before: facts, After: facts}, now)
		case "summary":
			e = composer.Summary(alert.LockStuck, []policy.Finding{finding(), finding(), finding()}, alert.Critical, now)
			for len(e.Locks) < 200 {
				e.Locks = append(e.Locks, e.Locks...)
			}
			for i := range 60 {
				e.Prefixes = append(e.Prefixes, alert.Prefix{Prefix: fmt.Sprint(draw("prefix"), i), Locks: i})
			}
		case "forged": // by somebody who may publish to the topic
			f := finding()
			e = composer.Lock(alert.Type(draw("type")), f, 1, now)
			e.Severity, e.Text, e.Account = alert.Severity(draw("severity")), draw("text"), draw("account")
			e.Actions = alert.Actions{Unlock: draw("command")}
			e.Time = time.Unix(rapid.Int64Range(-6e10, 2.5e11).Draw(t, "time"), 0)
		default:
			e = composer.Lock(kind, finding(), rapid.IntRange(1, 9).Draw(t, "notified"), now)
		}
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		mustFit(t, marshalled(t, renderer, draw("subject"), string(raw)))
	})
}

func TestNoAlarmOrTextBreaksALimitOrForgesMarkup(t *testing.T) {
	text := hostile()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string) string { return text.Draw(t, what) }
		body := draw("body")
		if rapid.Bool().Draw(t, "alarm") {
			raw, err := json.Marshal(map[string]string{
				"AlarmName": draw("name"), "AlarmDescription": draw("description"), "NewStateValue": draw("state"), "NewStateReason": draw("reason"),
				"StateChangeTime": draw("time"), "AWSAccountId": draw("account"), "AlarmArn": "arn:aws:cloudwatch:" + rapid.SampledFrom([]string{"eu-central-1", draw("region")}).Draw(t, "in") + ":123456789012:alarm:x",
			})
			if err != nil {
				t.Fatal(err)
			}
			body = string(raw)
		}
		mustFit(t, marshalled(t, slack.Renderer{}, draw("subject"), body))
	})
}

func marshalled(t failer, r slack.Renderer, subject, body string) []byte {
	t.Helper()
	raw, err := json.Marshal(r.Message(subject, body))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return raw
}

// What is to be copied comes out of Slack as it went in.
func TestCodeCanBeCopied(t *testing.T) {
	strange, plain := samples.Lock(), samples.Lock()
	strange.Who, strange.Path = "a<b>&c_d*e@host", "states/a_b/*c*/<d>&e/terraform.tfstate"
	plain.Path = "states/a_b=c,d+e@f~g/h i/terraform.tfstate"
	command := composer.Lock(alert.LockStuck, plain, 1, now).Actions.Unlock
	for want, f := range map[string]policy.Finding{
		"`" + strange.Who + "`": strange, "`" + strange.Path + "`": strange, "`" + strange.ID + "`": strange,
		"`" + plain.Path + "`": plain, "```" + command + "```": plain,
	} {
		if shown := shownFor(t, composer.Lock(alert.LockStuck, f, 1, now)); !strings.Contains(shown, want) {
			t.Errorf("%s is not in %s", want, shown)
		}
	}
}

// shownFor is what people see of an event, within the limits.
func shownFor(t *testing.T, e alert.Event) string {
	t.Helper()
	raw, err := json.Marshal(alert.Fit(e))
	if err != nil {
		t.Fatal(err)
	}
	p := mustFit(t, marshalled(t, slack.Renderer{}, "", string(raw)))
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(strings.Join(p.all(), "\n"))
}

// An ID that somebody wrote to break out of a command is in none, and Slack says how to
// release the lock all the same.
func TestHostileIDsAreInNoCommand(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "hostile-ids.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]any
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) < 5 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	cases["a fence"], cases["a line break"], cases["a direction character"] = "```\n*x*", "x\ntouch executed", "x\u202etouch"
	for name, id := range cases {
		t.Run(name, func(t *testing.T) {
			f := samples.Lock()
			if fields, ok := id.(map[string]any); ok {
				id = fields["ID"]
			}
			f.ID = fmt.Sprint(id)
			for _, e := range []alert.Event{
				composer.Lock(alert.LockStuck, f, 1, now), composer.Lock(alert.LockReminder, f, 3, now),
				composer.Summary(alert.LockReminder, []policy.Finding{f, f}, alert.Warning, now),
			} {
				shown := shownFor(t, e)
				if form := e.Actions.UnlockForm; form != "" {
					shown = strings.ReplaceAll(shown, form, "")
				}
				if strings.Contains(shown, "lambda invoke") || strings.Contains(shown, "force-unlock") || !strings.Contains(shown, "ress Release") {
					t.Errorf("got %s", shown)
				}
			}
		})
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
	var many []policy.Finding
	for i := range 40 {
		f := samples.Lock()
		f.Path, f.Who = fmt.Sprintf("states/team-%d/%s/terraform.tfstate", i, strings.Repeat("<&>", 60)), strings.Repeat("&", 200)
		many = append(many, f)
	}
	shown = shownFor(t, composer.Summary(alert.LockStuck, many, alert.Warning, now))
	if got := strings.Count(shown, "/terraform.tfstate (no command: press Release on the dashboard): held by"); got != 20 {
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

func (p post) all() []string {
	var all []string
	for _, b := range p.Attachments[0].Blocks {
		if b.Text != nil {
			all = append(all, b.Text.Text)
		}
		for _, x := range append(b.Fields, b.Elements...) {
			all = append(all, x.Text)
		}
	}
	return all
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
		if p.Attachments[0].Color != want {
			t.Errorf("%s is %s", name, p.Attachments[0].Color)
		}
	}
}
