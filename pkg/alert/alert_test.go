package alert_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// stores hold a lock with both halves.
var stores = []string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks", "arn:aws:s3:::states"}

var (
	update   = flag.Bool("update", false, "write the golden files anew")
	now      = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	composer = alert.Composer{Account: "123456789012", Region: "eu-central-1", UnlockFunction: "lockwarden-unlock", PruneFunction: "lockwarden-prune", Dashboard: "https://example.com/dashboard"}
	server   *local.AWS
)

func TestMain(m *testing.M) {
	flag.Parse()
	local.Main(m, &server)
}

func finding() policy.Finding {
	written := now.Add(-50 * time.Minute)
	return policy.Finding{
		ID: "78007e4f-7284-5b8c-b34c-620445a03e9c", Path: "states/network/production/terraform.tfstate", Operation: "OperationTypeApply",
		Who: "ana@laptop", Version: "1.11.4", HeldSince: now.Add(-45 * time.Minute), HeldSeconds: 45 * 60, HeldAtLeastSeconds: 45 * 60, Stores: stores,
		Holdings: []tflock.Kind{tflock.DynamoDB, tflock.S3}, Verdict: policy.Stuck, ThresholdSeconds: 1800,
		Evidence: policy.Evidence{Liveness: policy.LikelyOrphan, Written: &written, Reasons: []string{
			"held for 45m, longer than its threshold of 30m", "the state was last written 50m ago, before the lock was taken",
			"the same lock in every scan since 2026-11-23 11:15 UTC (45m)",
		}},
	}
}

// publish sends events through SNS and gives what was published.
func publish(t testing.TB, events ...alert.Event) []local.Message {
	t.Helper()
	arn, err := server.MakeTopic(t.Context(), fmt.Sprintf("t%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	topic := alert.NewTopic(sns.NewFromConfig(server.Config()), arn, composer)
	for _, e := range events {
		if err := topic.Publish(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	messages, err := server.Published(arn)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

func pruneReport() alert.PruneReport {
	old := now.AddDate(0, 0, -40)
	return alert.PruneReport{
		Pruned: 1, Kept: 62, Abandoned: 1, Errors: []string{"arn:aws:s3:::other: access denied"},
		States: []policy.Stale{
			{Path: "states/branches/a/terraform.tfstate", Fate: policy.Pruned, Serial: 7, Lineage: "c1d0", LastModified: old, VersionID: "v1"},
			{Path: "states/branches/feature-with-a-long-name/terraform.tfstate", Fate: policy.Kept, Reason: policy.HasOutputs, Why: "it has 2 outputs", LastModified: old},
			{
				Path: "states/branches/b/terraform.tfstate", Fate: policy.Kept, Reason: policy.HasResources, Why: "it manages 14 resources", LastModified: old,
				ManagedObjects: 14, Types: []policy.TypeCount{{Type: "aws_instance", Count: 9}, {Type: "aws_vpc", Count: 3}, {Type: "aws_eip", Count: 1}, {Type: "aws_ami", Count: 1}},
			},
		},
	}
}

// The largest report that a prune can make is still one that SNS takes.
func TestTheLargestReportIsSent(t *testing.T) {
	long := strings.Repeat("a <very> & \"long\" path/", 40)
	var r alert.PruneReport
	for i := range 2000 {
		s := policy.Stale{
			Path: fmt.Sprint(long, i), Fate: []policy.Fate{policy.Kept, policy.Pruned}[i%2], Why: long, VersionID: strings.Repeat("<", 100),
			ManagedObjects: i % 4 / 2 * 9, Types: []policy.TypeCount{{Type: strings.Repeat("t", 128), Count: 1}, {Type: strings.Repeat("u", 128), Count: 1}},
		}
		r.States = append(r.States, s)
	}
	for i := range 101 {
		r.Errors = append(r.Errors, fmt.Sprint(long, i))
	}
	r.Pruned, r.Kept, r.Abandoned = 1000, 1000, 500
	e := composer.Prune(r, now)
	m := publish(t, e)[0] // moto refuses what SNS does, but for the attributes
	size := len(m.Subject)
	var raw strings.Builder // as it was sent, but for the order
	encoder := json.NewEncoder(&raw)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(m.Texts); err != nil {
		t.Fatal(err)
	}
	for name, value := range m.Attributes {
		size += len(name) + len("String.Array") + len(value)
	}
	if size += raw.Len(); size > 256<<10 || !strings.Contains(m.Texts["email"], "Cut here") {
		t.Errorf("%d bytes", size)
	}
}

func TestGoldens(t *testing.T) {
	live, foreign := finding(), policy.Finding{
		Path: "deploy-lock", HeldSince: now.Add(-time.Hour), HeldSeconds: 3600, HeldAtLeastSeconds: 3600, Stores: stores[:1], Holdings: []tflock.Kind{tflock.DynamoDB}, Verdict: policy.Unreadable,
		Evidence: policy.Evidence{Liveness: policy.Unknown, Reasons: []string{tflock.ErrForeign.Error()}},
	}
	live.Evidence.Liveness = policy.PossiblyLive
	var many []policy.Finding
	for i := range 60 {
		f := finding()
		f.Path, f.ID = fmt.Sprintf("states/%d/terraform.tfstate", i), fmt.Sprintf("id-%d", i)
		many = append(many, f)
	}
	table := alert.Backend{ARN: "arn:aws:dynamodb:eu-west-1:123456789012:table/locks", Since: now.Add(-time.Hour)}
	failing := table
	failing.Problem = table.ARN + ": it does not exist in that account and region: was it deleted, or is its ARN wrong? (ResourceNotFoundException: no table)"
	for name, e := range map[string]alert.Event{
		"stuck":             composer.Lock(alert.LockStuck, finding(), 1, now),
		"stuck-alive":       composer.Lock(alert.LockStuck, live, 1, now),
		"reminder":          composer.Lock(alert.LockReminder, finding(), 2, now),
		"reminder-critical": composer.Lock(alert.LockReminder, finding(), 3, now),
		"resolved":          composer.Lock(alert.LockResolved, finding(), 1, now),
		"resolved-by-us":    composer.Lock(alert.LockResolved, finding(), 1, now).By("ana", "laptop died"),
		"unreadable":        composer.Lock(alert.LockUnreadable, foreign, 1, now),
		"released":          composer.Released(finding(), "ana", "laptop died", false, true, now),
		"released-forced":   composer.Released(finding(), "", "", true, true, now),
		"released-half":     composer.Released(finding(), "ana", "laptop died", false, false, now),
		"refused":           composer.Kept(finding(), "ana", "the lock is only 2m old", now),
		"summary":           composer.Summary(alert.LockStuck, many, alert.Warning, now),
		"scan-failed":       composer.Scan(alert.ScanFailed, alert.Warning, []alert.Backend{failing}, now),
		"prune":             composer.Prune(pruneReport(), now),
		"scan-recovered":    composer.Scan(alert.ScanRecovered, alert.Info, []alert.Backend{table}, now),
	} {
		t.Run(name, func(t *testing.T) {
			m := publish(t, e)[0]
			var body, chat any
			for raw, to := range map[string]*any{m.Texts["default"]: &body, m.Texts["https"]: &chat} {
				if err := json.Unmarshal([]byte(raw), to); err != nil {
					t.Fatal(err)
				}
			}
			if m.Texts["sqs"] != m.Texts["default"] || m.Texts["lambda"] != m.Texts["default"] {
				t.Error("machines must all get the same JSON")
			}
			machines, err := json.MarshalIndent(map[string]any{"event": body, "chat": chat, "attributes": m.Attributes}, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got := "Subject: " + m.Subject + "\n\n" + m.Texts["email"] + "\n=== for machines\n" + string(machines) + "\n"
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v: run `go test ./pkg/alert -update` and read what it wrote", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever a holder wrote, a message keeps its form: it can be sent, no line is
// forged, and the commands name just that lock.
func TestHostileContent(t *testing.T) {
	hostile := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("\n\r\x00\x1b<>'\"`$(){};&|\\\u2028\u202e*_[]@!"))))
	rapid.Check(t, func(t *rapid.T) {
		f := finding()
		f.Who, f.Operation, f.Version = hostile.Draw(t, "who"), hostile.Draw(t, "operation"), hostile.Draw(t, "version")
		f.Path, f.ID = "b/"+hostile.Draw(t, "path"), "x"+hostile.Draw(t, "id")
		e := composer.Lock(alert.LockStuck, f, 1, now)
		if s := e.Subject(); len(s) >= 100 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("subject %q", s)
		}
		plain := finding()
		want := strings.Count(composer.Mail(composer.Lock(alert.LockStuck, plain, 1, now)), "\n")
		mail := composer.Mail(e)
		if got := strings.Count(mail, "\n"); got != want {
			t.Fatalf("%d lines in place of %d:\n%s", got, want, mail)
		}
		if strings.ContainsFunc(mail, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }) {
			t.Fatalf("a control character in the mail: %q", mail)
		}
	})
}

// The Release button is shown for what Amazon Q can put into a command as it is, and
// nothing that a holder wrote can mention or link in chat.
func TestTheButtonTakesNoHostileID(t *testing.T) {
	for name, tc := range map[string]struct {
		event alert.Event
		want  bool
	}{
		"an alert":    {composer.Lock(alert.LockStuck, finding(), 1, now), true},
		"a reminder":  {composer.Lock(alert.LockReminder, finding(), 2, now), true},
		"an end":      {composer.Lock(alert.LockResolved, finding(), 1, now), false},
		"a release":   {composer.Released(finding(), "ana", "died", false, true, now), false},
		"a refusal":   {composer.Kept(finding(), "ana", "too young", now), false},
		"many alerts": {composer.Summary(alert.LockStuck, []policy.Finding{finding(), finding()}, alert.Warning, now), false},
	} {
		t.Run(name, func(t *testing.T) {
			context, _ := chat(t, tc.event)
			if _, button := context["lock_id"]; button != tc.want || (button && (context["unlock_function"] != "lockwarden-unlock" || context["path"] != finding().Path || context["region"] != "eu-central-1")) {
				t.Errorf("got %v", context)
			}
		})
	}
	for _, id := range []string{`x","force":true,"reason":"y`, "x --function-name other", "$LockId", "", "<!channel>", "ä", strings.Repeat("x", 129)} {
		f := finding()
		f.ID, f.Who = id, "<!channel> <@U1> <https://evil.example|x>"
		context, said := chat(t, composer.Lock(alert.LockStuck, f, 1, now))
		if len(context) != 0 {
			t.Errorf("a button for the ID %q", id)
		}
		if strings.ContainsAny(said, "<>") {
			t.Errorf("markup of a holder in %s", said)
		}
	}
	for _, path := range []string{`b/k","force":true,"x":"y`, "b/a key", "b/$P", "b/`id`", "b/ä", "", "b/" + strings.Repeat("x", 1090)} {
		f := finding()
		f.Path = path
		if context, _ := chat(t, composer.Lock(alert.LockStuck, f, 1, now)); len(context) != 0 {
			t.Errorf("a button for the path %q", path)
		}
	}
}

// chat gives what the button can use, and all that the notification says.
func chat(t *testing.T, e alert.Event) (context map[string]string, said string) {
	t.Helper()
	var n struct {
		Content  map[string]any
		Metadata struct {
			Summary           string
			AdditionalContext map[string]string
		}
	}
	if err := json.Unmarshal([]byte(publish(t, e)[0].Texts["https"]), &n); err != nil {
		t.Fatal(err)
	}
	return n.Metadata.AdditionalContext, fmt.Sprint(n)
}

// A shell takes the unlock command apart into the words that were meant.
func TestCommandsSurviveAShell(t *testing.T) {
	f := finding()
	f.ID = `'; touch /tmp/pwned; echo "$(id)" \ ` + "`id`"
	e := composer.Lock(alert.LockStuck, f, 1, now)
	for _, line := range []string{e.Actions.Unlock, e.Actions.ForceUnlock} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s\\n' "+line).Output()
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Split(strings.TrimSpace(string(out)), "\n")
		last := words[len(words)-1]
		if words[0] == "aws" {
			var payload map[string]string
			if err := json.Unmarshal([]byte(words[len(words)-2]), &payload); err != nil {
				t.Fatalf("%v in %q", err, words)
			}
			last = payload["lock_id"]
		}
		if last != f.ID {
			t.Errorf("the shell makes %q of the ID", last)
		}
	}
}

func TestAMessageAlwaysFits(t *testing.T) {
	var many []policy.Finding
	for i := range 20_000 {
		f := finding()
		f.Path = fmt.Sprintf("states/%d/%s", i, strings.Repeat("\u0001", 900))
		f.Who, f.Operation, f.ID = strings.Repeat("\"", 256), strings.Repeat("<", 256), strings.Repeat("\\", 1024)
		f.Evidence.Reasons = []string{strings.Repeat("\x00", 3000)}
		many = append(many, f)
	}
	one := many[0]
	var markup []policy.Finding
	for range 100 {
		f := finding()
		f.Path = strings.Repeat("<", 2000)
		markup = append(markup, f)
	}
	for name, e := range map[string]alert.Event{
		"one":     composer.Lock(alert.LockStuck, one, 1, now),
		"summary": composer.Summary(alert.LockStuck, many, alert.Warning, now),
		"markup":  composer.Summary(alert.LockStuck, markup, alert.Warning, now),
	} {
		t.Run(name, func(t *testing.T) {
			m := publish(t, e)[0]
			texts, err := json.Marshal(m.Texts)
			if err != nil {
				t.Fatal(err)
			}
			size := len(texts)
			for key, value := range m.Attributes {
				size += len(key) + len(value) + 16
			}
			if size > 256<<10 {
				t.Errorf("%d bytes", size)
			}
			var back alert.Event
			if err := json.Unmarshal([]byte(m.Texts["sqs"]), &back); err != nil {
				t.Fatal(err)
			}
			if name == "summary" && len(back.Locks)+back.Omitted != len(many) {
				t.Errorf("%d locks and %d omitted", len(back.Locks), back.Omitted)
			}
		})
	}
}
