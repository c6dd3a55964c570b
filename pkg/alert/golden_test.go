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

// The page shows a report as people get it.
func TestThePageOfTheWeeklyReportShowsOne(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "weekly-report.md")
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := render(t, composer.Weekly(week(), now))
	before, rest, _ := strings.Cut(string(page), "-update -->\n")
	_, after, found := strings.Cut(rest, "<!-- /example -->")
	want := before + "-update -->\n```\nSubject: " + r.Subject + "\n\n" + strings.TrimSpace(r.Texts["email"]) + "\n```\n<!-- /example -->" + after
	if !found {
		t.Fatal("the page has no place for an example")
	}
	golden(t, file, want)
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
