package alert_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

var strangersLinks = []string{
	"https://evil.example/unlock?lock=1", "HTTP://evil.example", "x-any+scheme://evil.example", "www.evil.example/unlock", "(WWW.evil.example)", "mailto:a@evil.example", "Tel:+15551234", "ftp.evil.example/x", "SIPS:me@evil.example", "slack://user?id=1", "slack:user", `file:\\evil.example\x`, "ms-word:ofe", `\\evil.example\x`, "outlook:inbox", "search-ms:query=x",
	"Press https://evil.example to release",
}

// pressed is what a mail program or a chat makes a link of.
var pressed = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://[^ ]*|\b(mailto|tel|sips|slack|file|ms-word|outlook|search-ms):|\\\\[a-z]|(^|[^a-z./_@-])(www|ftp)\.`)

// Whoever writes a lock gets no link of theirs into what people read, in any field; ours stay.
func TestAStrangersLinkIsNoLinkInAMessage(t *testing.T) {
	for _, evil := range strangersLinks {
		t.Run(evil, func(t *testing.T) {
			f := samples.Lock()
			f.Who, f.Operation, f.Version, f.ID, f.Path = evil, evil, evil, evil, "states/a-team/"+evil
			f.Evidence.Reasons = []string{"it says " + evil}
			f.Run = &policy.Run{Source: policy.GitHub, ID: "9", URL: "https://github.com/acme/infra/actions/runs/9", Status: policy.RunInProgress}
			for kind, e := range map[string]alert.Event{
				"alert":      composer.Lock(alert.LockStuck, f, 1, now),
				"resolved":   composer.Lock(alert.LockResolved, f, 1, now),
				"unreadable": composer.Lock(alert.LockUnreadable, f, 1, now),
				"shared":     composer.Summary(alert.LockReminder, []policy.Description{f, f}, alert.Warning, now),
				"released":   composer.Released(f, alert.Release{Outcome: alert.Whole, RequestedBy: evil, Reason: evil}, now),
			} {
				mail := render(t, e).Texts["email"]
				for _, link := range pressed.FindAllString(mail, -1) {
					if link = strings.TrimRight(link, ",).;"); !strings.HasPrefix(link, "https://github.com/") && !strings.HasPrefix(link, "https://eu-central-1.console.aws.amazon.com/") {
						t.Errorf("%s: the mail links to %q:\n%s", kind, link, mail)
					}
				}
				if kind == "alert" && (!strings.Contains(mail, f.Run.URL) || !strings.Contains(mail, "Dashboard: https://")) {
					t.Errorf("a link of ours is missing:\n%s", mail)
				}
				n := notification(t, e)
				for _, text := range append([]string{n.Content.Title, n.Content.Description}, n.Content.NextSteps...) {
					if link := pressed.FindString(text); link != "" && !strings.HasPrefix(text, "`aws lambda") {
						t.Errorf("%s: Amazon Q links to %q in %q", kind, link, text)
					}
				}
			}
		})
	}
}

// What would be a link is in no command; what looks a little like one stays in it.
func TestALinkIsInNoCommand(t *testing.T) {
	for path, plain := range map[string]bool{
		"states/https://evil.example/x": false, "states/mailto:x": false, "states/file:x": false, "www.evil.example/x": false,
		"states/www.example.com/terraform.tfstate": true, "states/hotel:1/x": true, "states/a:/b": true,
	} {
		f := samples.Lock()
		f.Path = path
		e := composer.Lock(alert.LockStuck, f, 1, now)
		if alert.Releasable(f) != plain || (e.Actions.Unlock != "") != plain || plain && !strings.Contains(render(t, e).Texts["email"], e.Actions.Unlock) {
			t.Errorf("%s: %+v", path, e.Actions)
		}
	}
}

// A stranger's text that begins with a link of ours, and leads elsewhere, is no link.
func TestALinkOfOursThatGoesOnIsNone(t *testing.T) {
	t.Parallel()
	const page, docs = "https://console.example/#dashboards/dashboard/ours", "https://github.com/lockwarden/lockwarden/blob/main/"
	for text, is := range map[string]bool{
		"at " + page: true, page + ".": true, "(" + page + ")": true, page + ", and": true, docs + "docs/alerts.md": true,
		page + "-evil": false, page + "2": false, page + "/../evil": false, page + "?x": false,
		docs + "../../../../evil/repo/release.md": false, docs + "x/..%2f../evil": false, docs + "%2E%2E/evil": false, docs + `\\..\evil`: false,
	} {
		if got := alert.Unlink(text, page, docs); (got == text) != is {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// A link of ours that is beside a stranger's does not carry it along.
func TestUnlinkKeepsOnlyOurs(t *testing.T) {
	t.Parallel()
	const own = "https://ours.example/1"
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{own, "https", ":", "//", "://", " ", "www.", "x", "mailto:", "[:]"})).Draw(t, "parts")
		text := strings.Join(parts, "")
		got := alert.Unlink(text, own)
		if left := strings.ReplaceAll(got, own, ""); strings.Contains(left, "https://x") || strings.Count(got, "://") != strings.Count(got, own) {
			t.Fatalf("%q is %q", text, got)
		}
	})
}
