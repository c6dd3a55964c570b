package tflock_test

import (
	"strings"
	"testing"
)

// What is below a screen of nothing has not been seen by whoever pastes it, whatever stands above it and however
// much of that is known.
func TestWhatIsOutOfSightIsAskedAbout(t *testing.T) {
	t.Parallel()
	for away, far := range map[string]string{
		"empty lines": strings.Repeat("\n", 60), "lines of dots": strings.Repeat("\n.", 60) + "\n", "dashes": strings.Repeat("\n-", 76) + "\n",
		"dots between empty lines": strings.Repeat("\n\n.", 35) + "\n", "one long line": strings.Repeat(" -", 2500) + " ",
	} {
		for above, text := range map[string]string{
			"nothing strange":    "Error: Error acquiring the state lock",
			"an address":         "Runbook: the payroll nightly run of a-team",
			"a sentence":         "taken by session payroll-nightly (payroll) from the payroll runner at 10:12 UTC",
			"a heading":          "State Lock ID\n771.2034.5510.2098",
			"a request":          "status code: 400, request\n  ID:        " + own,
			"JSON with a reason": `{"reason":"payroll nightly hangs, please free that one"}`,
		} {
			for below, lock := range map[string]string{"an ID": "lock_id=" + other, "JSON": `{"lock_id":"` + other + `","path":"b/prod/x"}`} {
				if released, _ := releases(text + far + lock); released {
					t.Errorf("%s, %s and %s: released without a question", above, away, below)
				}
			}
		}
	}
}

// What is in sight and names another state or run in a form that once was free.
func TestNoFrameMaskOrAddressIsFree(t *testing.T) {
	t.Parallel()
	block := "Lock Info:\n  ID:        " + other + "\n  Path:      b/prod/x\n"
	for name, text := range map[string]string{
		"a mask that says something":     "Lock Info:\n  ID:        " + other + "\n  Path:      b/<sensitive-data-of-payroll/terraform.tfstate\n",
		"a mask with a path":             "State b/(sensitive:a-team/payroll.tfstate) has been locked by ana@laptop for 45m, and its run is likely dead.\n" + block,
		"words as Azure's frames":        "##[error] ##[payroll] ##[release] ##[it]\n" + block,
		"words as months":                "Pay 12 10:10:10 Rol 12 10:10:10\n" + block,
		"locks where an address is":      "Runbook: release the stuck lock payroll-nightly of state a-team, nothing else\n" + block,
		"locks where the dashboard's is": "Dashboard: Lock ID payroll-nightly, state payroll, is stuck: please release it\n" + block,
	} {
		if released, _ := releases(text); released {
			t.Errorf("%s: released without a question", name)
		}
	}
}
