package tflock_test

import (
	"strings"
	"testing"
)

// A text that shows something of its writer's lock a few lines from what names production's, in words, numbers and signs
// that clients and our messages have as well.
func TestATextOfSeveralPartsIsNotUnderstood(t *testing.T) {
	t.Parallel()
	const (
		named   = "\n\nlock_id=" + other + "\n"
		request = "\n\n" + `{"lock_id":"` + other + `","path":"b/prod/x"}` + "\n"
		block   = "\n\nLock Info:\n  ID:        " + other + "\n  Path:      b/prod/x\n  Operation: OperationTypeApply\n  Who:       me@host\n  Version:   1.11.4\n"
		failed  = "Error: Error acquiring the state lock\n\nError message: ConditionalCheckFailedException: The conditional request failed\n\tstatus code: 400, request"
		noPath  = "Lock Info:\n  ID:        " + other + "\n  Path:      ***/***\n  Operation: OperationTypeApply\n"
	)
	each := func(text string, before ...string) string {
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		for i := range lines {
			lines[i] = before[i%len(before)] + lines[i]
		}
		return strings.Join(lines, "\n") + "\n"
	}
	for name, text := range map[string]string{
		"an ID like a version below our heading":   "Error acquiring the state lock\n\nState Lock ID\n771.2034.5510.2098" + named,
		"an ID like a length":                      "State Lock ID\n7712d3455h1020m9844s" + named,
		"an ID like a day":                         "State Lock ID\n2026-11-28" + named,
		"an ID like a time":                        "State Lock ID\n2026-11-28T77:12:00.345510209Z" + named,
		"an ID of clients' words":                  "Error acquiring the state lock\n\nState Lock ID\nterraform-apply-7712" + named,
		"an ID and a path of clients' words":       "State ID\nterraform/apply/plan  terraform-apply-run-7712" + request,
		"a row of clients' words":                  "STATE  LOCK ID\nterraform/plan/init  terraform-apply-run" + request,
		"a command for an ID of clients' words":    "terraform apply-plan-run" + named,
		"an ID behind a wrapped label":             failed + "\n  ID:        " + own + block,
		"an ID behind a wrapped label of hosts":    "Error: Error acquiring the state lock\nHost\n  ID:        PAYROLLnightlyapply20261128deadbeefdeadbeef01" + block,
		"an ID behind a wrapped label of requests": "Error: Error acquiring the state lock\nRequest\n\n\n  ID:        PAYROLL20261128NIGHTLY" + block,
		"a whole error without its heading":        "│ " + failed + "\n│   ID:        " + own + "\n│   Created:   2026-11-21 09:14:55.120394 +0000 UTC\n╵" + block,
		"an ID that is a request's":                "status code: 400, request id: " + own + named,
		"the ID of a run":                          "Lock run ID: 778142000000" + named,
		"a run":                                    "GitHub run 7781420, main" + named,
		"an instance":                              "EC2 instance i-0a1b2c3d4e5f" + named,
		"a length in seconds":                      "Lock held seconds: 778142000" + request,
		"a reason":                                 "Reason: payroll nightly hangs, take that one" + named,
		"a session":                                "taken by session payroll-nightly (payroll) from the payroll runner at 10:12 UTC" + named,
		"a refused release":                        "A release that payroll-nightly asked for was refused: the state was written 3m ago" + named,
		"a holder in JSON":                         `{"who":"payroll@nightly"}` + request,
		"an address":                               "Runbook: https://states.example/unlock/a-team/payroll.tfstate" + named,
		"a topic":                                  "TopicArn: arn:aws:sns:eu-central-1:123456789012:release-the-payroll-lock" + named,
		"a table":                                  "lock stores: arn:aws:dynamodb:eu-central-1:123456789012:table/release-the-payroll-lock" + named,
		"a subject whose path is clipped":          "Subject: [Lockwarden] stuck 45m: ...od/x (payroll@nightly, run likely dead)" + named,
		"letters drawn beside words":               "error # #  ##  # #\nerror ##  #  # ##\nerror # #  ##  # #\nerror ##  #  # ##\nerror # #   #  #" + block,
		"letters drawn with bars beside words":     "error |||  |  |\nerror | | | | |\nerror |||  | |\nerror |   ||| |\nerror |  |   | |" + block,
		"letters drawn between words":              strings.ReplaceAll(block, "OperationTypeApply", "OperationTypeApply\n") + "Terraform ## # acquires # # # a ### # state # # lock to protect the state from being written\n",
		"a pod, and no path":                       each(noPath, "[pod/apply-payroll/terraform] "),
		"a run's ID, and no path":                  each(noPath, "[01PAYROLLX] "),
		"numbers before lines":                     each(noPath, "771200 ", "345510 ", "209844 ", "113377 "),
		"numbers in fields before lines":           each(noPath, "line=771200 ", "line=345510 ", "line=209844 ", "line=113377 "),
		"times that there cannot be":               "77:12:00 34:55:10 20:98:44" + block,
		"versions in a row":                        "77.12.34 55.10.20 98.44.11 33.77.22" + block,
		"lengths in a row":                         "77d12h34m 55s10d20h" + block,
		"what a terminal overwrites":               "lock_id=" + other + "\rterraform apply run terraform-apply-7712      \n",
		"characters that a terminal obeys":         "Lock ID: " + other + "\n\x02\x03",
		"an empty mask":                            noPath,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if released, why := releases(text); released || why == "" {
				t.Errorf("it is understood as a whole (%q)\n%s", why, text)
			}
		})
	}
}
