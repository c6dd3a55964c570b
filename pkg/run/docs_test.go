package run

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// pipelines are the variables of CI systems, and what they may be.
var pipelines = strings.NewReplacer(
	"${{ github.repository_id }}", "84213377", "${{ github.run_id }}", "9912345678", "${{ github.run_attempt }}", "1",
	"$CI_PROJECT_ID", "7", "$CI_PIPELINE_ID", "8", "$CI_JOB_ID", "9",
	"BUILD_UUID", "1f0a3c2e-9b7d-4e11-8a55-0c1d2e3f4a5b",
	`${get_env("GITHUB_REPOSITORY_ID", "0")}`, "84213377", `${get_env("GITHUB_RUN_ID", "0")}`, "9912345678", `${get_env("GITHUB_RUN_ATTEMPT", "0")}`, "1",
	"${var.repository_id}", "84213377", "${var.run_id}", "9912345678", "${var.run_attempt}", "1",
)

// The lines of configuration that docs/witness.md has people paste give names that lead to
// the run.
func TestTheDocumentedNamesLeadToRuns(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "witness.md"))
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`(gh|gitlab|AWSCodeBuild)-[A-Za-z0-9-]+`)
	for begin, want := range map[string]Reference{
		"| GitHub Actions |":         {Source: policy.GitHub, Project: "84213377", ID: "9912345678", Attempt: 1},
		"| GitLab, own job |":        {Source: policy.GitLab, Project: "7", ID: "9", Job: true},
		"| GitLab, by environment |": {Source: policy.GitLab, Project: "7", ID: "9", Job: true},
		"| CodeBuild |":              {Source: policy.CodeBuild, ID: "1f0a3c2e-9b7d-4e11-8a55-0c1d2e3f4a5b"},
		"| Terragrunt |":             {Source: policy.GitHub, Project: "84213377", ID: "9912345678", Attempt: 1},
		"    lock_tags = {":          {Source: policy.GitHub, Project: "84213377", ID: "9912345678", Attempt: 1},
	} {
		_, line, found := strings.Cut(string(page), "\n"+begin)
		line, _, _ = strings.Cut(line, "\n")
		text := name.FindString(pipelines.Replace(line))
		if got, ok := Parse(text); !found || !ok || got != want {
			t.Errorf("%s: %q leads to %+v", begin, text, got)
		}
	}
	for _, begin := range []string{"| Jenkins |", "| Atlantis |"} {
		if !strings.Contains(string(page), "\n"+begin) {
			t.Errorf("%s has no line", begin)
		}
	}
}
