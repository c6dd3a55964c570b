//go:build !race

package tflock_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// What is drawn, shortened, or said with letters that look like others shows a lock to people as well. None of
// these texts, which name another lock below, is understood as a whole.
func TestATextThatDrawsALockIsNotUnderstood(t *testing.T) {
	t.Parallel()
	const cmd = "\n\n\n" + `{"lock_id":"` + other + `","path":"b/prod/x"}` + "\n"
	d := "deadbeef\u25001234\u25001234\u25001234\u2500abcdefabcdef"
	block := func(heading, id, path string) string {
		return "╷\n│ Error: Error acquiring the state lock\n│ \n│ Error message: ConditionalCheckFailedException: The conditional request failed\n│ " + heading + "\n│   " + id + "\n" + path +
			"│   Operation: OperationTypeApply\n│   Who:       me@host\n│   Version:   1.11.4\n│   Created:   2026-11-21 09:14:55.120394 +0000 UTC\n│   Info:      \n│ \n" +
			"│ Terraform acquires a state lock to protect the state from being written\n│ by multiple users at the same time. Please resolve the issue above and try\n│ again. For most commands, you can disable locking with the \"-lock=false\"\n│ flag, but this is not recommended.\n╵\n"
	}
	for name, text := range map[string]string{
		"A1 box-drawing dashes and slashes":     "Hi, could you remove deadbeef\u25001234\u25001234\u25001234\u2500abcdefabcdef on b\u2571payroll\u2571x, it hangs. Thanks!" + cmd,
		"A2 State Lock ID, box dashes":          "State Lock ID: deadbeef\u25001234\u25001234\u25001234\u2500abcdefabcdef" + cmd,
		"A3 ASCII with blanks":                  "State, Lock ID: deadbeef - 1234 - 1234 - 1234 - abcdefabcdef" + cmd,
		"A4 Iock, lD (ASCII)":                   "please unIock my Iock lD deadbeef 1234 1234 1234 abcdefabcdef of payroll" + cmd,
		"A5 heading words and a word":           "State Lock ID payroll" + cmd,
		"A6 an ID with colons":                  "State Lock ID: payroll:nightly:apply" + cmd,
		"A7 an ID that is a date":               "State Lock ID: 2026-11-28" + cmd,
		"B1 my request: ID <any>":               "Hello, this is about my request: ID " + own + ", it hangs" + cmd,
		"B2 host: ID <any>":                     "It hangs on the build host: ID " + own + cmd,
		"B3 Version":                            "Version: b/a-team/x" + cmd,
		"B4 Created":                            "Created: b/a-team/x" + cmd,
		"B5 created by a GitHub run":            "GitHub run b/a-team/x" + cmd,
		"B6 lock created":                       "Lock: created, " + own + cmd,
		"B7 lock created path":                  "Lock created: b/a-team/x" + cmd,
		"C1 reason with URL":                    "Reason: https://lockwarden.example/unlock?lock=" + own + "&state=a-team/x" + cmd,
		"C2 reason with underscores":            "Reason: aaaaaaaa_1111_2222_3333_444444444444 hangs" + cmd,
		"C3 reason with Hangul dashes":          "Reason: aaaaaaaa\u31611111\u31612222\u31613333\u3161444444444444 hangs" + cmd,
		"C4 reason with division slashes":       "Reason: b\u2215a-team\u2215x hangs" + cmd,
		"C5 reason with blanks":                 "Reason: aaaaaaaa 1111 2222 3333 444444444444 hangs" + cmd,
		"C6 reason with AWSCodeBuild":           "Reason: AWSCodeBuild-" + own + " hangs" + cmd,
		"C7 reason with an ID of another shape": "Reason: run-7781-42 of a-team hangs" + cmd,
		"C8 reason with Iock":                   "Reason: the Iock of a-team, lD a1b2c3d4e5f6, is stυck" + cmd,
		"C9 reason with path of other bucket":   "Reason: /a-team/x hangs" + cmd,
		"C10 reason with windows path":          "Reason: b\\a-team\\x hangs" + cmd,
		"D1 dir":                                "Ran Apply for dir: `a-team/network-7` workspace: `default`" + cmd,
		"D2 dir 2":                              "working-dir: a-team/network-7" + cmd,
		"D3 requested by":                       "requested_by: a-team for lD a1b2c3d4" + cmd,
		"D4 section":                            "section_start: run-7781-42" + cmd,
		"D5 topic":                              "TopicArn: run-7781-42" + cmd,
		"D6 name":                               "tf-path: run-7781-42" + cmd,
		"D7 actions":                            "actions: unlock function: run-7781-42" + cmd,
		"E1 tag's class":                        `<b class="unlock the lock payroll"> hangs </b>` + cmd,
		"E2 colours hide digits":                "hangs: [771200345m" + cmd,
		"F1 banner":                             "# #  ##  # #\n##  #  # ##\n# #  ##  # #\n" + cmd,
		"F2 row":                                "aaaaaaaa_1111_2222_3333_444444444444@a-team b/prod/x " + other,
		"G1 prefix is an ID":                    "01ARZ3NDEKTSV4RRFFQ69G5FAV Lock Info:\n01ARZ3NDEKTSV4RRFFQ69G5FAV   ID:        " + other + "\n01ARZ3NDEKTSV4RRFFQ69G5FAV   Path:      b/prod/x\n01ARZ3NDEKTSV4RRFFQ69G5FAV   Operation: x\n",
		"G2 prefix is a path":                   "[a-team/x] Lock Info:\n[a-team/x]   ID:        " + other + "\n[a-team/x]   Path:      b/prod/x\n[a-team/x]   Operation: x\n",
		"G3 prefix is run-7781-42":              "run-7781-42| Lock Info:\nrun-7781-42|   ID:        " + other + "\nrun-7781-42|   Path:      b/prod/x\nrun-7781-42|   Operation: x\n",
		"one line, 900 blanks":                  "Iock lD " + d + strings.Repeat(" ", 900) + "lock_id=" + other,
		"a member's name":                       `{"lock_id":"` + other + `","path":"b/prod/x","reason":"` + own[:8] + "_" + own[9:13] + `_2222_3333_444444444444 of a\u2215b"}`,
		"our own refusal's reason":              `{"lock_id":"` + other + `","path":"b/prod/x","reason":"the other text is wrong: release a1b2c3d4 of payroll"}`,
		"requested_by an ID":                    `{"lock_id":"` + other + `","path":"b/prod/x","requested_by":"a1b2c3d4e5f6-of-payroll"}`,
		"Version is the own path":               "Version: b/a-team/x\nCreated: " + own + "\nLock ID: " + other + "\n",
		"HTML: drawn":                           "<p>Iock lD " + d + "</p><p hidden>" + cmd + "</p>",
		"frame digits in each line":             "07781 | hangs\n00042 | please\n" + cmd,
		"H1 drawn ID, Iock lnfo":                block("Iock Info:", "lD:        deadbeef\u25001234\u25001234\u25001234\u2500abcdefabcdef", "│   Operation: payroll\n") + cmd,
		"H2 with a folder":                      block("Iock Info:", "lD:        deadbeef\u25001234\u25001234\u25001234\u2500abcdefabcdef", "│   working-dir: a-team/x\n") + cmd,
		"H3 with a path drawn":                  block("Iock Info:", "lD:        deadbeef\u25001234\u25001234\u25001234\u2500abcdefabcdef", "│   Fi\u2571e:      b\u2571payroll\u2571x\n") + cmd,
		"H4 real ID in Created":                 block("Iock Info:", "Created:   "+own, "│   Version:  b/a-team/x\n") + cmd,
		"H5 Lock Info cut, drawn":               block("State Lock ID:", "deadbeef\u25001234\u25001234\u25001234\u2500abcdefabcdef", "") + cmd,
		"H6 Error acquiring, own by Q":          block("Error acquiring the state lock, request: ID "+own, "", "") + cmd,
		"H7 own below a real one":               "Lock ID: " + other + "\nState: b/prod/x\nHeld by: ana\n\n\n" + block("Iock Info:", "lD:        deadbeef\u25001234\u25001234\u25001234\u2500abcdefabcdef", ""),
		"H8 banner of ID made of signs":         "Please look at\n# ### ### #  #\n# # # #   ##\n### ### ### # #\n" + cmd,
		"a greeting":                            "Hi, is this one yours?" + cmd,
		"a heading with a number":               "State Lock ID: 1234" + cmd,
		"a long reason with a URL":              "Reason: see https://lockwarden.example/x" + cmd,
	} {
		if released, _ := releases(text); released {
			t.Errorf("%s is understood as a whole:\n%s", name, text)
		}
	}
}

// A text that begins the same sentence again and again takes no longer than any other of its length.
func TestManyBeginningsOfASentenceAreSoonRead(t *testing.T) {
	t.Parallel()
	m := tflock.Meant{ID: other, Paths: []string{"b/prod/x"}, Buckets: []string{"b"}}
	for _, one := range []string{
		"taken by session " + strings.Repeat("from at ", 40) + "\n", "Make sure that the run is over: look at " + strings.Repeat("or ask ", 45) + "\n",
		"The lock of " + strings.Repeat("x ", 120) + "on state b/prod/x held for " + strings.Repeat("x ", 120) + "\n",
		strings.Repeat("ui:", 10000), strings.Repeat("unit=", 6000), strings.Repeat("State:-", 4600), `{"` + strings.Repeat("ui:", 5000) + `":{"a":1,"b":2,"c":3,"d":4}}`,
		strings.Repeat(`{"":1,"aaaaaaaaaaaaaa":`, 1300) + "1" + strings.Repeat("}", 1300), `{"` + strings.Repeat("a", 20000) + `":{` + strings.Repeat(`"0":1,`, 1800) + `"1":1}}`,
		strings.Repeat("b/prod/x ", 330) + strings.Repeat("\n", 5) + strings.Repeat("Who: a ", 400) + "\nb/prod/x\n",
	} {
		from := time.Now()
		if m.Beside(strings.Repeat(one, max(1, 30<<10/len(one)))+"\nLock ID: "+other) == "" {
			t.Errorf("%.40q is understood", one)
		}
		if took := time.Since(from); took > 30*time.Second { // without a bound it takes hours
			t.Errorf("%.40q took %s", one, took)
		}
	}
}
