package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Half of a team has moved to lockfiles, and no scan ever meets their short locks. The first apply by
// lockfile looks like a move, of which nobody is warned; when the client of the table applies
// again, and then the other one, they are found to exclude nobody, with the versions that show it.
func TestATeamThatMovedInPart(t *testing.T) {
	t.Parallel()
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	const key = "team/terraform.tfstate"
	byFile, _ := s.workspace(s.stack.AWS(), clients[0], key, local.ByFile)
	byTable, _ := s.workspace(s.stack.AWS(), clients[len(clients)-1], key, local.ByTable) // Terraform, where it is on the PATH
	apply := func(w *local.Workspace, ticks int) string {
		s.mustRun(w, "apply", "-auto-approve", fmt.Sprintf("-var=seconds=%d", ticks))
		time.Sleep(3100 * time.Millisecond) // of S3's times, which have whole seconds
		return s.version(key)
	}
	apply(byTable, 0)
	s.want("a client of the table", s.found(s.inventory()))
	first := apply(byFile, 1)
	report := s.inventory()
	s.want("the first apply by lockfile", s.found(report), "digest_mismatch of "+key)
	if f := report.Findings[0]; f.Severity != policy.SeverityInfo || f.Evidence.Move == "" {
		t.Errorf("%+v", f)
	}
	if out, err := byTable.Run(t.Context(), "plan"); err == nil || !strings.Contains(out, "does not have the expected content") {
		t.Errorf("the client of the table plans: %s", out)
	}
	if err := s.stack.AWS().SetDigest(t.Context(), s.stack.Outputs["LockTableName"], s.path(key), ""); err != nil { // as people do who search for that error
		t.Fatal(err)
	}
	second := apply(byTable, 0)
	s.want("the client of the table again", s.found(s.inventory()))
	third := apply(byFile, 1)
	report = s.inventory()
	s.want("and the other one", s.found(report), "digest_mismatch of "+key, "mixed_locking of "+key)
	f := report.Findings[0] // the severe ones first
	var ways []string
	for _, v := range f.Evidence.Versions {
		ways = append(ways, fmt.Sprint(v.VersionID, " ", v.Locking))
	}
	want := []string{first + " lockfile", second + " table", third + " lockfile"}
	if f.Severity != policy.SeverityCritical || !slices.Equal(ways, want) || !strings.Contains(f.Text, first) || !strings.Contains(f.Text, second) || !strings.Contains(f.Text, third) {
		t.Errorf("%q, want %q: %s", ways, want, f.Text)
	}
}

// A team moves to lockfiles in a bucket that keeps no versions: nothing shows how its state was written, so
// that nobody is warned of the digest that its first apply leaves behind. Plans work.
func TestATeamThatMovesWithoutVersions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	client, err := local.Tofu()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.stack.AWS().S3().PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: aws.String(s.bucket()), VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusSuspended},
	}); err != nil {
		t.Fatal(err)
	}
	const key = "team/terraform.tfstate"
	byTable, _ := s.workspace(s.stack.AWS(), client, key, local.ByTable)
	s.mustRun(byTable, "apply", "-auto-approve")
	s.want("a client of the table", s.found(s.inventory()))
	byFile, _ := s.workspace(s.stack.AWS(), client, key, local.ByFile)
	s.mustRun(byFile, "apply", "-auto-approve", "-var=seconds=1")
	report := s.inventory()
	s.want("the first apply by lockfile", s.found(report), "digest_mismatch of "+key)
	if f := report.Findings[0]; f.Severity != policy.SeverityInfo || f.Evidence.Move != policy.MoveUnknown {
		t.Errorf("%+v", f)
	}
	s.mustRun(byFile, "plan", "-detailed-exitcode", "-var=seconds=1")
}
