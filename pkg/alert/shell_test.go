package alert_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// A real shell splits each printed command into exactly the intended arguments, whatever
// plain ID and path it has. An ID or path with any other character is in no command.
func TestAShellSeesTheIntendedArguments(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		f := samples.Lock()
		f.ID = rapid.StringOfN(rapid.SampledFrom([]rune(inID)), 1, 40, -1).Filter(isNoLink).Draw(t, "id")
		f.Path = rapid.StringOfN(rapid.SampledFrom([]rune(inPath)), 1, 60, -1).Filter(func(path string) bool {
			return strings.Trim(path, " ") == path && !strings.Contains(path, "  ") && !strings.Contains(path, " -") && isNoLink(path)
		}).Draw(t, "path")
		e := composer.Lock(alert.LockStuck, f, 1, now)
		got := arguments(t, bash, home, e.Actions.Unlock)
		want := []string{
			"lambda", "invoke", "--region", "eu-central-1", "--function-name", "lockwarden-unlock", "--cli-read-timeout", "150",
			"--cli-binary-format", "raw-in-base64-out", "--payload",
		}
		if len(got) != len(want)+2 || strings.Join(got[:len(want)], " ") != strings.Join(want, " ") {
			t.Fatalf("the shell sees %q", got)
		}
		var payload map[string]string
		if err := json.Unmarshal([]byte(got[len(want)]), &payload); err != nil {
			t.Fatalf("%v in %q", err, got)
		}
		if len(payload) != 3 || payload["lock_id"] != f.ID || payload["path"] != f.Path || payload["reason"] != "stuck lock alert of 2026-11-23 12:00 UTC" {
			t.Fatalf("the payload is %q", payload)
		}
		if strings.HasPrefix(f.ID, "-") {
			if e.Actions.ForceUnlock != "" {
				t.Fatalf("terraform takes the ID for an option: %s", e.Actions.ForceUnlock)
			}
			return
		}
		if got := arguments(t, bash, home, e.Actions.ForceUnlock); len(got) != 2 || got[0] != "force-unlock" || got[1] != f.ID {
			t.Fatalf("the shell sees %q", got)
		}
	})
}

// isNoLink says that nothing in a text is taken apart as a link: what is, is in no command.
func isNoLink(text string) bool { return alert.Unlink(text) == text }

// Whoever writes one key chooses its ID and path. A single character that some shell, chat or mail client reads
// as more than itself, quotes of typographers among them, and there is no command.
func TestAnyOtherCharacterIsInNoCommand(t *testing.T) {
	others := "‘’‚‛“”„‟′″«»｀＂＇\u00a0\u2028\u200b\u202eéα"
	for c := rune(1); c < 0x7f; c++ {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			others += string(c)
		}
	}
	none := func(d policy.Description) {
		t.Helper()
		e := composer.Lock(alert.LockStuck, d, 1, now)
		if alert.Releasable(d) || e.Actions.Unlock != "" || e.Actions.ForceUnlock != "" {
			t.Errorf("ID %q, path %q: %+v", d.ID, d.Path, e.Actions)
		}
	}
	for _, c := range others {
		if f := samples.Lock(); !strings.ContainsRune(inID, c) {
			f.ID = "78007e4f" + string(c) + "7284"
			none(f)
		}
		if f := samples.Lock(); !strings.ContainsRune(inPath, c) {
			f.Path = "states/net" + string(c) + "work"
			none(f)
		}
	}
	for _, path := range []string{"states/a -b", "states/a  b", " states/a", "states/a ", "", "states/a://b", "states/tel:1", "states/ www.a"} {
		f := samples.Lock()
		f.Path = path
		none(f)
	}
	f := samples.Lock()
	f.ID = "tel:0123"
	none(f)
}

// arguments are those that the command's program gets of a shell.
func arguments(t *rapid.T, bash, home, line string) []string {
	script := `see() { printf '%s\0' "$@" >&3; }; aws() { see "$@"; }; terraform() { see "$@"; }; exec 3>&1; ` + line + "\n"
	command := exec.Command(bash, "--noprofile", "--norc", "-c", script)
	command.Dir, command.Env = home, []string{"TMPDIR=" + home, "HOME=" + home, "PATH=/usr/bin:/bin"}
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, line, out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func TestOnlyPlainIDsAndPathsAreInACommand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := samples.Lock()
		other := rapid.Rune().Filter(func(r rune) bool {
			return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"+inPath, r)
		})
		at := rapid.IntRange(0, len(f.ID)).Draw(t, "at")
		if rapid.Bool().Draw(t, "in the ID") {
			f.ID = f.ID[:at] + string(rapid.OneOf(other, rapid.SampledFrom([]rune("/=@+,~ "))).Draw(t, "rune")) + f.ID[at:]
		} else {
			f.Path = f.Path[:at] + string(other.Draw(t, "rune")) + f.Path[at:]
		}
		if e := composer.Lock(alert.LockStuck, f, 1, now); e.Actions != (alert.Actions{}) {
			t.Fatalf("a command for %q of %q: %+v", f.ID, f.Path, e.Actions)
		}
	})
	for name, change := range map[string]func(*policy.Description){
		"an empty ID":     func(d *policy.Description) { d.ID = "" },
		"an empty path":   func(d *policy.Description) { d.Path = "" },
		"an unreadable":   func(d *policy.Description) { d.Verdict = policy.Unreadable },
		"a non-UTF-8 one": func(d *policy.Description) { d.ID = "x\xff" },
	} {
		f := samples.Lock()
		change(&f)
		if e := composer.Lock(alert.LockStuck, f, 1, now); e.Actions != (alert.Actions{}) {
			t.Errorf("%s: %+v", name, e.Actions)
		}
	}
}
