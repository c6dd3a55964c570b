package slackview_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/infra/slackview"
)

func golden(t *testing.T, name string) []string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(local.Root(), "pkg", "alert", "slack", "testdata", name+".golden"))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := slackview.Lines(body)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// The README's picture has the words that the function posts, in their order, and no others.
func TestThePictureInTheREADME(t *testing.T) {
	file, err := os.Open(filepath.Join(local.Root(), "docs", "slack.svg"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	var drawn strings.Builder
	for decoder := xml.NewDecoder(file); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := token.(xml.CharData); ok {
			drawn.Write(text)
		}
	}
	posted := strings.Join(append(golden(t, "lock-stuck"), golden(t, "lock-resolved")...), "")
	words := func(text string) string { return strings.NewReplacer(" ", "", "\n", "", ":", "").Replace(text) }
	if diff := cmp.Diff(words(posted), words(drawn.String())); diff != "" {
		t.Errorf("docs/slack.svg shows other words than are posted: edit its text\n%s", diff)
	}
}

func TestLines(t *testing.T) {
	lines := golden(t, "lock-stuck")
	for _, want := range []string{
		"🔒 Stuck for 45m: states/network/production/terraform.tfstate",
		"Held by: ana@laptop",
		"Held for: 45m, since 2026-11-23 11:15 UTC",
		"State object  Runbook  Dashboard  Account 123456789012, region eu-central-1, 2026-11-23 12:00 UTC",
	} {
		if !strings.Contains("\n"+strings.Join(lines, "\n")+"\n", "\n"+want+"\n") {
			t.Errorf("%q is not in\n%s", want, strings.Join(lines, "\n"))
		}
	}
}

func TestWhatIsNotAPostIsAnError(t *testing.T) {
	for _, body := range []string{"", "{}", `{"blocks":[{"type":"divider"}],"attachments":[{}]}`} {
		if _, err := slackview.Lines([]byte(body)); err == nil {
			t.Errorf("%q was read", body)
		}
	}
}
