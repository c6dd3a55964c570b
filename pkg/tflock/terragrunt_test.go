package tflock_test

import (
	"os"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Whoever selects from "Lock Info:" has the prefix of Terragrunt's lines in all lines but the first. Its CI runs have options, and initialise what they run.
func TestWhatPeopleSelectOfTerragruntsLog(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/clients/terragrunt.txt")
	if err != nil {
		t.Fatal(err)
	}
	whole := string(raw)
	_, behind, _ := strings.Cut(whole, "Lock Info:")
	block, _, _ := strings.Cut(behind, "recommended.")
	newWorkspace := lockInfo()
	newWorkspace.Operation = "workspace-new"
	m := tflock.Meant{ID: pastedID, Paths: []string{pastedPath}, Buckets: []string{"acme-states"}}
	terragrunt := eachLine("09:20:%02d.%03d STDERR tofu: ", "")
	_, rest, _ := strings.Cut(terragrunt(frame(clientError(lockInfo()))), "Lock Info:")
	for name, text := range map[string]string{
		"from Lock Info to the end":         "Lock Info:" + behind,
		"from Lock Info, the error":         "Lock Info:" + block + "recommended.",
		"from Lock Info, framed":            "Lock Info:" + rest,
		"with options":                      "* Failed to execute \"terraform plan -no-color -input=false\" in .\n" + eachLine("  ", "")(clientError(lockInfo())) + "\n  exit status 1\n",
		"with an option":                    "* Failed to execute \"tofu apply -auto-approve\" in .\n" + eachLine("  ", "")(clientError(lockInfo())) + "\n  exit status 1\n",
		"behind Terraform's initialisation": "09:19:59.001 INFO   terraform: You may now begin working with Terraform. Try running \"terraform plan\" to see\n09:19:59.001 INFO   terraform: any changes that are required for your infrastructure. All Terraform commands\n09:19:59.001 INFO   terraform: should now work.\n" + eachLine("09:20:%02d.%03d STDERR terraform: ", "")(clientError(lockInfo())),
		"a new workspace with a state":      clientError(newWorkspace),
	} {
		ref, err := tflock.ParseReference(text)
		if err != nil || ref.ID != pastedID {
			t.Errorf("%s: %+v, %v", name, ref, err)
		} else if beside := m.Beside(text); beside != "" {
			t.Errorf("%s: %s is not understood", name, beside)
		}
	}
}
