package tflock_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// A field says something of the one lock only beside its ID or path, and says one thing. A text that has
// fields elsewhere, or a field twice with two values, is not understood as a whole, and neither is one whose lines have a
// stranger's name before them, or whose signs or numbers may be a drawing or an ID.
func TestAFieldCountsOnlyInTheBlockOfTheLock(t *testing.T) {
	t.Parallel()
	const below = "\n\n\n\n\n" + `{"lock_id":"` + other + `","path":"b/prod/x"}` + "\n"
	block := "Lock Info:\n  ID:        " + other + "\n  Path:      b/prod/x\n  Operation: OperationTypeApply\n  Who:       ana@laptop\n  Version:   1.11.4\n"
	framed := func(before string) string {
		var b strings.Builder
		for line := range strings.Lines(block) {
			b.WriteString(before + line)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"a reason away from the lock":             "Reason: please release the one of payroll" + below,
		"a reason that only names a team":         "Reason: payroll hangs" + below,
		"a holder away from the lock":             "Who: payroll@nightly" + below,
		"an operation away from the lock":         "Operation: payroll" + below,
		"a version away from the lock":            "lock version: payroll" + below,
		"fields as often as one likes":            "Who: payroll\nReason: of payroll\nOperation: payroll\nWho: nightly" + below,
		"whoever asks, away from the lock":        "requested_by: payroll" + below,
		"a holder twice":                          block + "  Who:       payroll@nightly\n",
		"a holder twice, before and behind":       "Who: payroll@nightly\n" + block,
		"a reason twice":                          block + "Reason: it hangs\nReason: payroll hangs\n",
		"an operation twice":                      block + "  Operation: of payroll\n",
		"fields of another lock below the block":  block + strings.Repeat("\n", 5) + "Held by: payroll\n",
		"fields pushed out of sight":              "Reason: payroll hangs" + strings.Repeat(" ", 900) + "lock_id=" + other,
		"a topic":                                 "TopicArn: payroll" + below,
		"a workspace":                             "Ran Plan for dir: `.` workspace: `payroll`" + below,
		"a unit":                                  "unit=payroll" + below,
		"a program's path":                        "tf-path: payroll" + below,
		"a section of a log":                      "section_start: payroll" + below,
		"a day":                                   "On payroll, 1 payroll 2 nightly wrote:" + below,
		"a stuck lock's account":                  "Account payroll, region nightly, payroll payroll UTC" + below,
		"numbers of a table":                      "held, payroll of them stuck; nightly unreadable" + below,
		"a name before every line":                framed("payroll | "),
		"a name in brackets before every line":    framed("[payroll] "),
		"a name and a number before every line":   framed("payroll-7 | "),
		"a name with a process before every line": framed("payroll[7]: "),
		"a name that counts before every line":    framed("payroll=7 "),
		"a pod before every line":                 framed("[pod/payroll/nightly] "),
		"a pod's name before every line":          framed("pod=payroll "),
		"a name behind every line":                strings.ReplaceAll(block, "\n", " payroll\n"),
		"a name with a point before every line":   framed("of.payroll: "),
		"a banner of bars":                        "| | |||\n||| | |\n| | |||\n" + "|  |  |\n| |  |\n" + below,
		"a banner of stars":                       "* * ***\n*** * *\n* * ***\n" + below,
		"a banner of stars and bars":              "|*| *| |*\n|*|* |*|*\n" + below,
		"a banner of stars without blanks":        "***\n****\n*****\n******\n*******\n********\n****.***\n" + below,
		"a banner of dashes":                      "- - ---\n--- - -\n- - ---\n" + below,
		"a banner of slashes":                     "/\\ / /\\\n\\/ / \\/\n" + below,
		"a banner of equals signs":                "= = ===\n=== = =\n" + below,
		"a banner of dots":                        ". . ...\n... . .\n" + below,
		"an ID in groups of digits":               "1234 1234 1234 1234" + below,
		"an ID in groups with bars between":       "7712|0034|5510" + below,
		"an ID of digits on lines":                "7712\n0034\n5510\n2098\n" + below,
		"an ID where lines are counted":           "7712: \n0034: \n5510: \n2098: \n" + below,
		"an ID where lines are counted, twice":    "771200: 345510: \n" + below,
		"a drawing of digits":                     "1 1 111\n111 1 1\n1 1 111\n" + below,
	} {
		if released, _ := releases(text); released {
			t.Errorf("%s is understood as a whole:\n%s", name, text)
		}
	}
}

// The same error twice, as a client that retries prints it, is about one lock.
func TestAFieldMayBeRepeatedAsItIs(t *testing.T) {
	t.Parallel()
	m := tflock.Meant{ID: pastedID, Paths: []string{pastedPath}, Buckets: []string{"acme-states"}}
	if beside := m.Beside(clientError(lockInfo()) + clientError(lockInfo())); beside != "" {
		t.Errorf("%s is not understood", beside)
	}
}
