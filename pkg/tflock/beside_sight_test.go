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
	fields := "  Operation: OperationTypeApply\n  Who:       me@host\n  Version:   1.11.4\n  Created:   2026-11-21 09:14:55.120394 +0000 UTC\n  Info:      \n\n\n"
	filler := strings.Repeat("Acquiring state lock. This may take a few moments...\n", 60)
	alert := func(path string) string {
		return "[Lockwarden] stuck 45m: " + path + " (me@host, run likely dead)\n\nState:      " + path + "\nHeld by:    me@host\nLock ID:    " + other + "\n"
	}
	stateAndID := "State: b/prod/x\nLock ID: " + other + "\n"
	picture := "  F           F F F  F F F    F    F   F \nF   F           F    F      F   F  F F F \nF F F  F F F    F    F F    F F F  F F F \nF   F           F    F      F   F  F   F \n"
	clipped := alert("…/x")
	nothingToDo := "Nothing to do if the lock may be released. Any change to the lock, its run or its state cancels the release. "
	said := "Make sure that the run is over: look at https://github.com/acme/a-team-payroll/actions/runs/123, or ask me@host. If you release the lock of a live run, two runs write the same state.\nHeld by: me@host\nOperation: payroll nightly\nLock ID: " + other + "\n"
	each := func(text string, before ...string) string {
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		for i := range lines {
			lines[i] = before[i%len(before)] + lines[i]
		}
		return strings.Join(lines, "\n") + "\n"
	}
	for name, text := range map[string]string{
		"an ID like a version below our heading":     "Error acquiring the state lock\n\nState Lock ID\n771.2034.5510.2098" + named,
		"an ID like a length":                        "State Lock ID\n7712d3455h1020m9844s" + named,
		"an ID like a day":                           "State Lock ID\n2026-11-28" + named,
		"an ID like a time":                          "State Lock ID\n2026-11-28T77:12:00.345510209Z" + named,
		"an ID of clients' words":                    "Error acquiring the state lock\n\nState Lock ID\nterraform-apply-7712" + named,
		"an ID and a path of clients' words":         "State ID\nterraform/apply/plan  terraform-apply-run-7712" + request,
		"a row of clients' words":                    "STATE  LOCK ID\nterraform/plan/init  terraform-apply-run" + request,
		"a command for an ID of clients' words":      "terraform apply-plan-run" + named,
		"an ID behind a wrapped label":               failed + "\n  ID:        " + own + block,
		"an ID behind a wrapped label of hosts":      "Error: Error acquiring the state lock\nHost\n  ID:        PAYROLLnightlyapply20261128deadbeefdeadbeef01" + block,
		"an ID behind a wrapped label of requests":   "Error: Error acquiring the state lock\nRequest\n\n\n  ID:        PAYROLL20261128NIGHTLY" + block,
		"a whole error without its heading":          "│ " + failed + "\n│   ID:        " + own + "\n│   Created:   2026-11-21 09:14:55.120394 +0000 UTC\n╵" + block,
		"an ID that is a request's":                  "status code: 400, request id: " + own + named,
		"the ID of a run":                            "Lock run ID: 778142000000" + named,
		"a run":                                      "GitHub run 7781420, main" + named,
		"an instance":                                "EC2 instance i-0a1b2c3d4e5f" + named,
		"a length in seconds":                        "Lock held seconds: 778142000" + request,
		"a reason":                                   "Reason: payroll nightly hangs, take that one" + named,
		"a session":                                  "taken by session payroll-nightly (payroll) from the payroll runner at 10:12 UTC" + named,
		"a refused release":                          "A release that payroll-nightly asked for was refused: the state was written 3m ago" + named,
		"a holder in JSON":                           `{"who":"payroll@nightly"}` + request,
		"an address":                                 "Runbook: https://states.example/unlock/a-team/payroll.tfstate" + named,
		"a topic":                                    "TopicArn: arn:aws:sns:eu-central-1:123456789012:release-the-payroll-lock" + named,
		"a table":                                    "lock stores: arn:aws:dynamodb:eu-central-1:123456789012:table/release-the-payroll-lock" + named,
		"a subject whose path is clipped":            "Subject: [Lockwarden] stuck 45m: ...od/x (payroll@nightly, run likely dead)" + named,
		"letters drawn beside words":                 "error # #  ##  # #\nerror ##  #  # ##\nerror # #  ##  # #\nerror ##  #  # ##\nerror # #   #  #" + block,
		"letters drawn with bars beside words":       "error |||  |  |\nerror | | | | |\nerror |||  | |\nerror |   ||| |\nerror |  |   | |" + block,
		"letters drawn between words":                strings.ReplaceAll(block, "OperationTypeApply", "OperationTypeApply\n") + "Terraform ## # acquires # # # a ### # state # # lock to protect the state from being written\n",
		"a pod, and no path":                         each(noPath, "[pod/apply-payroll/terraform] "),
		"a run's ID, and no path":                    each(noPath, "[01PAYROLLX] "),
		"numbers before lines":                       each(noPath, "771200 ", "345510 ", "209844 ", "113377 "),
		"numbers in fields before lines":             each(noPath, "line=771200 ", "line=345510 ", "line=209844 ", "line=113377 "),
		"times that there cannot be":                 "77:12:00 34:55:10 20:98:44" + block,
		"versions in a row":                          "77.12.34 55.10.20 98.44.11 33.77.22" + block,
		"lengths in a row":                           "77d12h34m 55s10d20h" + block,
		"what a terminal overwrites":                 "lock_id=" + other + "\rterraform apply run terraform-apply-7712      \n",
		"characters that a terminal obeys":           "Lock ID: " + other + "\n\x02\x03",
		"a path that is said to be longer":           alert("…b/prod/x"),
		"a path with a mask that hides nothing":      alert("b/***prod/x"),
		"a path with a clip that hides nothing":      alert("b/…prod/x"),
		"a path that is said to go on":               alert("b/prod/x…"),
		"a command for a path that goes on":          "lockwarden unlock " + other + " --path b/prod/x***",
		"a command for a clipped path":               "lockwarden unlock " + other + " --path …/prod/x",
		"a clipped path":                             alert("…/prod/x"),
		"a line's end that is none in Unix":          failed + "\u0085  ID:        " + own + "\n" + fields + block,
		"a line's end of Unicode":                    failed + "\u2028  ID:        " + own + "\n" + fields + block,
		"a label that a terminal wraps":              failed + strings.Repeat(" ", 250) + "ID:        " + own + "\n" + fields + block,
		"a label that a terminal wraps at tabs":      failed + strings.Repeat("\t", 20) + "ID:        " + own + "\n" + fields + block,
		"words that a terminal erases":               failed + "\r\x1b[K  ID:        " + own + "\n" + fields + block,
		"a line that a terminal erases":              failed + "\x1b[2K  ID:        " + own + "\n" + fields + block,
		"a block that a terminal conceals":           "Error: Error acquiring the state lock\n\x1b[8m" + block + "\x1b[0m is anybody on this?",
		"a block in black on black":                  "Error: Error acquiring the state lock\n\x1b[30;40m" + block + "\x1b[0m is anybody on this?",
		"fields far above their block":               "Error: Error acquiring the state lock\n\n" + fields + filler + block,
		"an ID of clients' words above an error":     "Error locking state: Error acquiring the state lock: terraform-apply-run\n" + block,
		"an ID of five digits":                       "Error acquiring the state lock\n77120: is anybody on this?\n" + block,
		"words in an error":                          "Error: Error acquiring the state lock\n\nError message: operation error\n\nHi all, the payroll nightly of a-team hangs\n\nhttps response error StatusCode: 412, RequestID: ABCDEFGHIJKLMNOP, HostID: x, api error PreconditionFailed: At least one of the pre-conditions you specified did not hold\n" + block,
		"a path in an address, encoded":              "Its run: https://x.example/b%2Fa-team%2Fx\nState: b/prod/x\nLock ID: " + other,
		"the ID of a run in words":                   "Lock run id: payroll-nightly\nState: b/prod/x\nLock ID: " + other,
		"a request in JSON":                          `{"status code":400,"request":{"id":"` + own + `"}}` + "\n" + `{"ID":"` + other + `","Path":"b/prod/x"}`,
		"a region of words":                          "aws lambda invoke --region release-only-the-lock-of-a-team --function-name lockwarden-unlock --cli-read-timeout 60\n" + `{"lock_id":"` + other + `","path":"b/prod/x"}`,
		"letters drawn with few signs":               "Error acquiring the state lock\n /\\\n--\n/ \\\n \n--\n :\n :\n\nerror\n" + block,
		"a bucket that ends like the lock's":         strings.Replace(alert("acme-a-team-b/prod/x"), "State:      acme-a-team-b/prod/x\n", "", 1),
		"an ARN that ends like the lock's path":      strings.Replace(alert("arn:aws:s3:::a-team-b/prod/x"), "State:      arn:aws:s3:::a-team-b/prod/x\n", "", 1),
		"words before the path":                      strings.Replace(alert("not b/prod/x but a-team payroll"), "State:      not b/prod/x but a-team payroll\n", "", 1),
		"a path that goes on with a letter":          strings.Replace(alert("b/prod/xé-a-team"), "State:      b/prod/xé-a-team\n", "", 1),
		"a sentence for a duration":                  "🔒 Stuck since the payroll nightly of a-team was started by ana: b/prod/x\nLock ID: " + other,
		"very many levels before a line":             "Error: Error acquiring the state lock\n\n" + fields + strings.Repeat("INFO ", 4000) + "Acquiring state lock. This may take a few moments\n" + block,
		"very many objects between":                  `{"reason":"payroll nightly of a-team hangs","requested_by":"ana@a-team"}` + "\n" + strings.Repeat(`{"level":"error"}`+"\n", 500) + `{"ID":"` + other + `","Path":"b/prod/x"}`,
		"very many escaped lines between":            "Runbook: https://wiki.example/a-team/payroll-nightly\n" + strings.Repeat("%0A", 50) + stateAndID,
		"a request in names and values":              `{"ConditionalCheckFailedException: The conditional request failed status code":400,"request":{"id":"PAYROLLNIGHTLYAPPLY20261128"}}` + "\n" + `{"ID":"` + other + `","Path":"b/prod/x"}`,
		"an ID that is a time":                       "Error locking state: Error acquiring the state lock: 2026-11-28T07:12:00.345510209Z\n" + block,
		"numbers behind a frame":                     strings.ReplaceAll("\nError acquiring the state lock\n77120: is anybody on this?\n34551: it fails\n"+block, "\n", "\nterraform: "),
		"a block in white":                           "Error: Error acquiring the state lock\n\x1b[97m" + block + "\x1b[0m",
		"letters drawn with frames":                  "Error: Error acquiring the state lock\n" + picture + block,
		"letters drawn with times":                   "Error acquiring the state lock\n" + strings.ReplaceAll(picture, "F", "12:00") + block,
		"more than 32 KB":                            alert("b/prod/x") + strings.Repeat("\n", 33<<10),
		"a whole path below a clipped one, far away": alert("…/x") + strings.Repeat("07:00:01\n", 500) + "State: b/prod/x\n",
		"a masked block, and the path far away":      strings.Replace(noPath, "***/***", "***/x", 1) + fields + strings.Repeat("07:00:01\n", 500) + "LockID: b/prod/x\n",
		"lines of JSON that differ in blanks":        `{"Who":"ana@a-team","Operation":"payroll-nightly"}` + "\n" + strings.Repeat(`{"level":"error"}`+"\n"+`{ "level":"error"}`+"\n"+`{"level" :"error"}`+"\n", 100) + `{"ID":"` + other + `","Path":"b/prod/x"}`,
		"lines of tabs":                              "Its run: https://github.com/acme/a-team-payroll/actions/runs/123\n" + strings.Repeat(strings.Repeat("\t", 99)+"\n", 11) + stateAndID,
		"a picture in a sentence":                    "A release that\n#   #\n## ##\n# # #\nasked for was refused: the state was written 3m ago\n\n" + stateAndID,
		"prose in a sentence":                        "running \"terraform\nHi all, the payroll nightly of a-team hangs and ana wants it gone\nbefore tonight, thank you\nexit status 1\n" + block,
		"fields that differ in signs":                "Reason: # # ##\nReason: #  ###\nReason: ## # #\n" + request,
		"words behind the path":                      strings.Replace(alert("b/prod/x"), "b/prod/x (me@host, run likely dead)", "b/prod/x was resolved, this is now of b:a-team:payroll (me@host, run likely dead)", 1),
		"a path that is off the screen":              "[Lockwarden] stuck 45m:" + strings.Repeat(" ", 290) + "b/prod/x (me@host, run likely dead)\n\nLock ID: " + other,
		"a path that is broken very often":           "[Lockwarden] stuck 45m: b/pr" + strings.Repeat("\n", 10) + "od/x (me@host, run likely dead)\n\nLock ID: " + other,
		"a label at the end of a terminal's line":    "Error: Error acquiring the state lock\n\nError message: ConditionalCheckFailedException: The conditional request failed\n\tstatus code: 400," + strings.Repeat(" ", 45) + "request ID:        PAYROLL20261128NIGHTLY\n" + fields + block,
		"a path at the end of a very long line":      clipped + "\n" + strings.Repeat(nothingToDo, 250) + "State: b/prod/x\n",
		"a path behind escaped lines":                `{"text":` + asJSON(clipped+strings.Repeat("Runbook\n", 500)+"State: b/prod/x") + `}`,
		"a path behind other line ends":              clipped + strings.Repeat("Runbook\u0085", 500) + "State: b/prod/x",
		"an alert that a terminal shows in part":     "State: b/prod/x\rLock ID: " + other + "\rHeld by: me@host\r[Lockwarden] stuck 45m: …/x (me@host, run likely dead)",
		"a line that GitLab's section erases":        clipped + "\nLockID: b/prod/x section_end:1732181695:step_script\r\x1b[0Kterraform apply\n",
		"a path in escapes":                          clipped + `{"state":"\u0062\u002f\u0070\u0072\u006f\u0064\u002f\u0078"}`,
		"a path in escapes below sentences":          said + `{"state":"\u0062\u002f\u0070\u0072\u006f\u0064\u002f\u0078"}`,
		"a lock whose path is in escapes":            `{"ID":"` + other + `","Operation":"payroll nightly","Who":"me@host","Path":"\u0062\u002f\u0070\u0072\u006f\u0064\u002f\u0078"}`,
		"a path in the strings of a list":            clipped + `{"state":["b/","pro","d/x"]}`,
		"a path with blanks between its letters":     strings.Replace(noPath, "***/***", "***/x", 1) + fields + "LockID: b\np   r   o   d   /   x",
		"sentences, and a path in a very long line":  said + strings.Repeat(nothingToDo, 250) + "State: b/prod/x\n",
		"a path behind lines of HTML":                clipped + strings.Repeat(strings.Repeat("Runbook<br>", 10)+"\n", 30) + "State: b/prod/x",
		"a path at the end of an address":            clipped + strings.Repeat("Runbook: https://wiki.example/a-team/"+strings.Repeat("x", 100)+"#:b/prod/x\n"+strings.Repeat("Runbook\n", 38), 5) + "State: b/prod/x",
		"an empty mask":                              noPath,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if released, why := releases(text); released || why == "" {
				t.Errorf("it is understood as a whole (%q)\n%s", why, text)
			}
		})
	}
}
