package alert_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/pkg/alert"
)

// Each event as people and machines receive it. Read what -update writes as somebody who
// has never seen the product, at night, on a phone.
func TestGoldens(t *testing.T) {
	all := events()
	for name, e := range all {
		t.Run(name, func(t *testing.T) {
			r := render(t, e)
			if r.Texts["sqs"] != r.Texts["default"] || r.Texts["lambda"] != r.Texts["default"] {
				t.Error("machines must all get the same JSON")
			}
			var b strings.Builder
			b.WriteString("Subject: " + r.Subject + "\n\n" + r.Texts["email"])
			b.WriteString("\n=== Amazon Q\n" + indented(t, r.Texts["https"]))
			b.WriteString("\n=== JSON\n" + indented(t, r.Texts["default"]))
			b.WriteString("\n=== attributes\n")
			for _, name := range []string{"type", "severity", "path"} {
				b.WriteString(name + ": " + aws.ToString(r.Attributes[name].StringValue) + "\n")
			}
			golden(t, filepath.Join("testdata", name+".golden"), b.String())
		})
	}
	files, err := filepath.Glob(filepath.Join("testdata", "*.golden"))
	if err != nil || len(files) != len(all) {
		t.Errorf("%d goldens for %d events, %v", len(files), len(all), err)
	}
}

// The page shows a report as people get it, and as JSON.
func TestThePageOfTheWeeklyReportShowsOne(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "weekly-report.md")
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e := composer.Weekly(week(), now)
	r := render(t, e)
	body, err := json.MarshalIndent(e.Week, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := between(t, string(page), "-update -->\n", "<!-- /example -->", "```\nSubject: "+r.Subject+"\n\n"+strings.TrimSpace(r.Texts["email"])+"\n```\n")
	want = between(t, want, "<!-- json: go test ./pkg/alert -run PageOfTheWeeklyReport -update -->\n", "<!-- /json -->", "```json\n"+string(body)+"\n```\n")
	golden(t, file, want)
}

// between puts a text between two marks of a page.
func between(t *testing.T, page, open, end, text string) string {
	t.Helper()
	before, rest, found := strings.Cut(page, open)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("the page has nothing between %q and %q", open, end)
	}
	return before + open + text + end + after
}

func golden(t *testing.T, file, got string) {
	t.Helper()
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
}

func indented(t *testing.T, raw string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(raw), "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String() + "\n"
}

// A report fits a screen, whatever strangers wrote into it.
func TestAWeeklyReportFitsAScreen(t *testing.T) {
	w, long := week(), strings.Repeat("x", 1000)
	for i := range w.MostStuck.Paths {
		w.MostStuck.Paths[i].Path = "states/" + long
	}
	for i := range w.MostStuck.People {
		w.MostStuck.People[i].Who = long
	}
	for i := range w.Locks.ReleasedBy {
		w.Locks.ReleasedBy[i].Who = long
	}
	n := 3
	w.PlannedReleases, w.WatchedSince = &n, &w.From
	for name, week := range map[string]alert.Week{"an ordinary week": week(), "as long as one gets": w} {
		t.Run(name, func(t *testing.T) {
			lines := strings.Split(strings.TrimSpace(render(t, composer.Weekly(week, now)).Texts["email"]), "\n")
			if len(lines) > 32 {
				t.Errorf("%d lines", len(lines))
			}
			for _, line := range lines {
				if len([]rune(line)) > 420 {
					t.Errorf("%d characters: %s", len([]rune(line)), line)
				}
			}
		})
	}
}
