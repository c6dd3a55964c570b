package slackview_test

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/infra/slackview"
)

var update = flag.Bool("update", false, "draw docs/slack.svg again")

func golden(t *testing.T, name string) slackview.View {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(local.Root(), "pkg", "alert", "slack", "testdata", name+".golden"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := slackview.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The README's picture is drawn from the blocks that the function posts, so it cannot
// show anything else.
func TestThePictureInTheREADME(t *testing.T) {
	got := slackview.SVG(golden(t, "lock-stuck"), golden(t, "lock-resolved"))
	decoder := xml.NewDecoder(strings.NewReader(got))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not XML: %v", err)
		}
	}
	file := filepath.Join(local.Root(), "docs", "slack.svg")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != got {
		t.Errorf("%v: the blocks have changed: run `go test ./infra/slackview -update` and look at docs/slack.svg\n%s", err, cmp.Diff(string(want), got))
	}
}

func TestTerminal(t *testing.T) {
	const columns = 100
	files, err := filepath.Glob(filepath.Join(local.Root(), "pkg", "alert", "slack", "testdata", "*.golden"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d goldens, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".golden")
		t.Run(name, func(t *testing.T) {
			drawn := golden(t, name).Terminal(columns)
			for i, line := range strings.Split(strings.TrimSuffix(drawn, "\n"), "\n") {
				if utf8.RuneCountInString(line) > columns || (i > 0) != strings.HasPrefix(line, "┃") {
					t.Errorf("line %d: %q", i, line)
				}
			}
		})
	}
	drawn := golden(t, "lock-stuck").Terminal(columns)
	for _, want := range []string{
		"🔒 Stuck for 45m: states/network/production/terraform.tfstate\n",
		"┃ Held by                                          Held for\n┃ ana@laptop                                       45m, since 2026-11-23 11:15 UTC\n",
		"State object  Runbook  Dashboard  Account 123456789012",
	} {
		if !strings.Contains(drawn, want) {
			t.Errorf("%q is not in\n%s", want, drawn)
		}
	}
	if joined := strings.NewReplacer("\n┃ ", "").Replace(drawn); !strings.Contains(joined, "aws lambda invoke --region eu-central-1") || !strings.Contains(joined, `"lock_id":"78007e4f-7284-5b8c-b34c-620445a03e9c"`) {
		t.Errorf("the command is not whole in\n%s", drawn)
	}
}

func TestWhatIsNoPostOfOursIsSaid(t *testing.T) {
	for _, body := range []string{"", "{}", `{"blocks":[{"type":"divider"}],"attachments":[{}]}`} {
		if _, err := slackview.Parse([]byte(body)); err == nil {
			t.Errorf("%q was drawn", body)
		}
	}
}
