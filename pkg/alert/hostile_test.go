package alert_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// victim is the ID of another team's lock, which hostile IDs try to name.
const victim = "11111111-2222-3333-4444-555555555555"

// hostileIDs are IDs that somebody with write access to one key put into a lock.
func hostileIDs(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "hostile-ids.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]any
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) < 5 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	ids := map[string]string{
		"a line break":               "x\ntouch executed\n",
		"a carriage return":          "x\rtouch executed",
		"a percent sign":             "x%COMSPEC%",
		"a direction character":      "x\u202etouch",
		"a zero-width space":         "x\u200btouch",
		"a dollar":                   "$(touch executed)",
		"a single quote":             "x'; touch executed; '",
		"a mention":                  "<!channel>",
		"a link":                     "<https://evil.example|click>",
		"a letter that looks like a": "х",
		"a blank":                    "--payload x",
		"a clipped ID":               strings.Repeat("x", 1021) + "…",
	}
	for name, id := range cases {
		switch id := id.(type) {
		case string:
			ids[name] = id
		case map[string]any:
			ids[name] = id["ID"].(string)
		}
	}
	return ids
}

// No channel carries a command that was made of such an ID, none lets it break out of
// its markup, and each says how to release the lock.
func TestHostileIDsAreInNoCommand(t *testing.T) {
	for name, id := range hostileIDs(t) {
		t.Run(name, func(t *testing.T) {
			f := samples.Lock()
			f.ID = id
			for kind, e := range map[string]alert.Event{
				"alert":    composer.Lock(alert.LockStuck, f, 1, now),
				"reminder": composer.Lock(alert.LockReminder, f, 3, now),
				"shared":   composer.Summary(alert.LockReminder, []policy.Description{f, f}, alert.Warning, now),
			} {
				mustCarryNoCommand(t, kind, e)
			}
		})
	}
	for name, path := range map[string]string{
		"a backtick": "states/`touch executed`/x", "a quote": `states/x" | calc.exe | "`, "a percent sign": "states/%COMSPEC%",
		"a typographic quote": "states/x’; Start-Process calc; ‘", "a line break": "states/x\nlock_id: " + victim, "an accent": "states/größe", "a glob": "states/*",
		"an option behind a blank": "states/x --endpoint-url=https://evil.example/", "a blank at its end": "states/x ", "two blanks": "states/a  b",
	} {
		t.Run("a path with "+name, func(t *testing.T) {
			f := samples.Lock()
			f.Path = path
			mustCarryNoCommand(t, "alert", composer.Lock(alert.LockStuck, f, 1, now))
		})
	}
}

func mustCarryNoCommand(t *testing.T, kind string, e alert.Event) {
	t.Helper()
	r := render(t, e)
	for channel, text := range r.Texts {
		form := e.Actions.UnlockForm // of a shared message: our own placeholders
		said := text
		if form != "" {
			if strings.Contains(form, victim) {
				t.Fatalf("the form names a lock: %s", form)
			}
			quoted, err := json.Marshal(form)
			if err != nil {
				t.Fatal(err)
			}
			said = strings.ReplaceAll(said, form, "")
			said = strings.ReplaceAll(said, strings.NewReplacer(`\u003e`, ">", `\u0026`, "&").Replace(strings.Trim(string(quoted), `"`)), "")
		}
		for _, command := range []string{"lambda invoke", "force-unlock"} {
			if strings.Contains(said, command) {
				t.Errorf("%s, %s: a command: %s", kind, channel, text)
			}
		}
		if !strings.Contains(text, "ress Release") {
			t.Errorf("%s, %s does not say how to release it: %s", kind, channel, text)
		}
	}
	for _, line := range strings.Split(r.Texts["email"], "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "touch") {
			t.Errorf("%s: a forged line %q", kind, line)
		}
	}
	n := notification(t, e)
	if len(n.Metadata.AdditionalContext) > 0 {
		t.Errorf("%s: a button", kind)
	}
	mustNotBreakOut(t, n)
}

// mustNotBreakOut checks what people see of a notification: code is commands of ours
// only, and nothing mentions or links.
func mustNotBreakOut(t interface {
	Helper()
	Errorf(format string, args ...any)
}, n alert.Notification,
) {
	t.Helper()
	for _, text := range append([]string{n.Content.Title, n.Content.Description, n.Metadata.Summary}, n.Content.NextSteps...) {
		if strings.HasPrefix(text, "`aws lambda invoke ") && strings.HasSuffix(text, "`") && strings.Count(text, "`") == 2 {
			continue
		}
		if strings.ContainsAny(text, "<>`*~[]") || strings.Contains(text, "://") {
			t.Errorf("markup in %q", text)
		}
		if i := strings.IndexByte(text, '@'); i >= 0 && !strings.HasPrefix(text[i:], "@\u2060") {
			t.Errorf("a mention in %q", text)
		}
	}
}

// Whatever a holder wrote, a message keeps its form: it can be sent, no line is forged.
func TestHostileContent(t *testing.T) {
	hostile := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("\n\r\x00\x1b<>'\"`$(){};&|\\\u2028\u202e*_[]@!%"))))
	rapid.Check(t, func(t *rapid.T) {
		f := samples.Lock()
		f.Who, f.Operation, f.Version = hostile.Draw(t, "who"), hostile.Draw(t, "operation"), hostile.Draw(t, "version")
		f.Path, f.ID = "b/"+hostile.Draw(t, "path"), "x`"+hostile.Draw(t, "id")
		f.Witness = &policy.Witness{Principal: hostile.Draw(t, "principal"), Session: hostile.Draw(t, "session"), SourceIP: hostile.Draw(t, "address"), TakenAt: now}
		f.Run = &policy.Run{Source: policy.GitHub, ID: hostile.Draw(t, "run"), URL: hostile.Draw(t, "page"), Detail: hostile.Draw(t, "detail"), Status: policy.RunEnded, Ended: &now}
		f.Evidence.Reasons = append([]string{f.Witness.Words(), f.Run.Words(now)}, f.Evidence.Reasons...)
		e := composer.Lock(alert.LockStuck, f, 1, now)
		if s := e.Subject; len(s) >= 100 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("subject %q", s)
		}
		plain := witnessed("gh-1-2", "")
		plain.ID = "`"
		plain.Run = &policy.Run{Source: policy.GitHub, ID: "2", Status: policy.RunEnded, Ended: &now}
		plain.Evidence.Reasons = append([]string{plain.Run.Words(now)}, plain.Evidence.Reasons...)
		want := strings.Count(alert.Mail(composer.Lock(alert.LockStuck, plain, 1, now)), "\n")
		mail := alert.Mail(e)
		if got := strings.Count(mail, "\n"); got != want {
			t.Fatalf("%d lines in place of %d:\n%s", got, want, mail)
		}
		if strings.ContainsFunc(mail, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }) {
			t.Fatalf("a control character in the mail: %q", mail)
		}
		gone := policy.Removal{Principal: f.Witness.Principal, Session: f.Witness.Session, SourceIP: f.Witness.SourceIP, RemovedAt: now}
		for _, e := range []alert.Event{
			e, composer.Lock(alert.LockResolved, f, 1, now).RemovedBy(gone),
			composer.Shared(alert.LockResolved, []alert.Item{{Description: f, Removal: &gone}, {Description: samples.Lock()}}, alert.Info, now),
		} {
			var n alert.Notification
			if r, err := alert.Render(e); err != nil || json.Unmarshal([]byte(r.Texts["https"]), &n) != nil {
				t.Fatal(err)
			}
			mustNotBreakOut(t, n)
		}
	})
}

// What S3's events say of a session is text in every channel, as what the holder says is.
func TestAHostileSessionIsText(t *testing.T) {
	for name, e := range map[string]alert.Event{
		"an alert": composer.Lock(alert.LockStuck, witnessed(hostileSession, hostileSession), 1, now),
		"an end":   composer.Lock(alert.LockResolved, witnessed(hostileSession, ""), 1, now).RemovedBy(removal(hostileSession)),
		"several ends": composer.Shared(alert.LockResolved, []alert.Item{
			{Description: witnessed(hostileSession, ""), Removal: new(removal(hostileSession))}, {Description: samples.Lock()},
		}, alert.Info, now),
	} {
		t.Run(name, func(t *testing.T) {
			mustNotBreakOut(t, notification(t, e))
			for _, line := range strings.Split(alert.Mail(e), "\n") {
				if strings.Contains(line, "forged: line") && strings.HasPrefix(strings.TrimLeft(line, "? "), "forged") {
					t.Errorf("a forged line %q", line)
				}
			}
			if text := alert.Mail(e); !strings.Contains(text, "forged: line") || strings.Contains(text, "\u202e") {
				t.Errorf("the session is not shown as text: %s", text)
			}
			if e.Lock != nil && e.Actions.Unlock != "" && strings.Contains(e.Actions.Unlock, "touch") {
				t.Errorf("the session is in a command: %s", e.Actions.Unlock)
			}
		})
	}
}

// alphabets of the contract.
const (
	inID   = "abcXYZ0189-_.:"
	inPath = "abcXYZ0189-_./:=@+,~ "
)

// The Release button is shown for what Amazon Q can put into a command as it is, and names
// the lock of that state only.
func TestTheButton(t *testing.T) {
	for name, tc := range map[string]struct {
		event alert.Event
		want  bool
	}{
		"an alert":    {composer.Lock(alert.LockStuck, samples.Lock(), 1, now), true},
		"a reminder":  {composer.Lock(alert.LockReminder, samples.Lock(), 2, now), true},
		"an end":      {composer.Lock(alert.LockResolved, samples.Lock(), 1, now), false},
		"a release":   {composer.Released(samples.Lock(), alert.Release{Outcome: alert.Whole, RequestedBy: "ana", Reason: "died"}, now), false},
		"a refusal":   {composer.Refused(samples.Lock(), "ana", "too young", now), false},
		"many alerts": {composer.Summary(alert.LockStuck, []policy.Description{samples.Lock(), samples.Lock()}, alert.Warning, now), false},
	} {
		t.Run(name, func(t *testing.T) {
			context := notification(t, tc.event).Metadata.AdditionalContext
			if _, button := context["lock_id"]; button != tc.want || (button && (context["unlock_function"] != "lockwarden-unlock" || context["path"] != samples.Lock().Path || context["region"] != "eu-central-1")) {
				t.Errorf("got %v", context)
			}
		})
	}
	for _, id := range []string{`x","force":true,"reason":"y`, "x --function-name other", "$LockId", "", "<!channel>", "ä", "a:b", strings.Repeat("x", 129)} {
		f := samples.Lock()
		f.ID, f.Who = id, "<!channel> <@U1> <https://evil.example|x>"
		n := notification(t, composer.Lock(alert.LockStuck, f, 1, now))
		if len(n.Metadata.AdditionalContext) != 0 {
			t.Errorf("a button for the ID %q", id)
		}
		mustNotBreakOut(t, n)
	}
	for _, path := range []string{`b/k","force":true,"x":"y`, "b/a key", "b/$P", "b/`id`", "b/ä", ""} {
		f := samples.Lock()
		f.Path = path
		if n := notification(t, composer.Lock(alert.LockStuck, f, 1, now)); len(n.Metadata.AdditionalContext) != 0 {
			t.Errorf("a button for the path %q", path)
		}
	}
}
