package tflock_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	own      = "aaaaaaaa-1111-2222-3333-444444444444"
	noDigits = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	other    = "bbbbbbbb-1111-2222-3333-444444444444"
)

// releases reports whether a text alone would release another lock than that of its writer, and of what
// the text is otherwise.
func releases(text string) (bool, string) {
	ref, err := tflock.ParseReference(text)
	if err != nil {
		return false, err.Error()
	}
	if ref.ID != other {
		return false, "it names " + ref.ID
	}
	m := tflock.Meant{ID: other, Paths: []string{"b/prod/x"}, Buckets: []string{"b"}}
	if path := ref.OtherState(m.Paths...); path != "" {
		return false, "it shows " + path
	}
	beside := m.Beside(text)
	return beside == "", beside
}

// Texts in which a person reads the lock of their writer, and which name another one: whatever hides
// which, none of them is understood as a whole.
func TestATextThatShowsALockAndNamesAnotherIsNotUnderstood(t *testing.T) {
	t.Parallel()
	const (
		mine, theirs = "b/a-team/x", "b/prod/x"
		block        = `Lock Info:\n  ID:        ` + own + `\n  Path:      ` + mine + `\n  Operation: x`
		command      = "\nlock_id=" + other
		heading      = "STATE  VERDICT  HELD  BY  RUN  LOCK ID\n"
		row          = "b/prod/x  stuck  45m  ana  likely dead  " + other + "\n"
		// what is deep below, where nobody looks
		hidden = "\nmodule.x: Refreshing state...\nstate={\"lock_id\":\"" + other + "\",\"path\":\"b/prod/x\"}\n"
		below  = "\n\n\n" + `{"lock_id":"` + other + `","path":"b/prod/x"}` + "\n"
	)
	for name, text := range map[string]string{
		"an object has the ID twice":                  `{"ID":"` + own + `","Who":"me","ID":"` + other + `"}`,
		"an object has the ID and the path twice":     `{"ID":"` + own + `","Path":"` + mine + `","ID":"` + other + `","Path":"` + theirs + `"}`,
		"an object has the ID in another case":        `{"ID":"` + own + `","Who":"me","id":"` + other + `"}`,
		"an object has a message twice":               `{"message":"lock ` + own + `","message":"x","lock_id":"` + other + `","path":"` + theirs + `"}`,
		"an object has a name without a value":        `{"lock ` + own + `":{},"lock_id":"` + other + `","path":"` + theirs + `"}`,
		"a request has its ID twice":                  `{"lock_id":"` + own + `","path":"` + mine + `","lock_id":"` + other + `","path":"` + theirs + `"}`,
		"an object deep within has the ID twice":      `{"x":[{"y":{"ID":"` + own + `","Path":"` + mine + `","ID":"` + other + `"}}]}`,
		"a row's lock has the ID twice":               `{"LockID":"` + mine + `","Info":"{\"ID\":\"` + own + `\",\"ID\":\"` + other + `\"}"}`,
		"a log line is of another lock":               `{"level":"error","message":"` + block + `","lock":{"id":"` + other + `","path":"` + theirs + `"}}`,
		"a log line has another lock's ID":            `{"level":"error","message":"` + block + `","lock_id":"` + other + `","path":"` + theirs + `"}`,
		"a log line is another lock":                  `{"message":"` + block + `","ID":"` + other + `","Path":"` + theirs + `"}`,
		"a request is beside another lock":            `{"lock_id":"` + own + `","path":"` + mine + `","lock":{"id":"` + other + `","path":"` + theirs + `"}}`,
		"a number is too large to be read":            `{"ID":"` + own + `","Path":"` + mine + `","pid":1e400}` + "\n" + `{"lock_id":"` + other + `","path":"` + theirs + `"}`,
		"an ID has an invisible character":            "terraform force-unlock aaaaaaaa\u200b-1111-2222-3333-444444444444" + command,
		"an ID has a soft hyphen":                     "terraform force-unlock aaaa\u00adaaaa-1111-2222-3333-444444444444" + command,
		"an ID has a Cyrillic letter":                 "terraform force-unlock \u0430aaaaaaa-1111-2222-3333-444444444444" + command,
		"an ID has another dash":                      "terraform force-unlock aaaaaaaa\u20111111-2222-3333-444444444444" + command,
		"an ID has a minus":                           "terraform force-unlock aaaaaaaa\u22121111\u22122222\u22123333\u2212444444444444" + command,
		"an ID has hyphen bullets":                    "release aaaaaaaa\u20431111\u20432222\u20433333\u2043444444444444" + command,
		"an ID has a combining mark":                  "it is aaaaaaaa\u034f-1111-2222-3333-444444444444" + command,
		"an ID has a variation selector":              "it is aaaaaaaa\ufe0f-1111-2222-3333-444444444444" + command,
		"an ID has a NUL":                             "it is aaaaaaaa\x00-1111-2222-3333-444444444444" + command,
		"an ID has a backspace":                       "it is aaaaaaaab\b-1111-2222-3333-444444444444" + command,
		"an ID has a return":                          "bbbbbbbb\raaaaaaaa-1111-2222-3333-444444444444\n" + command,
		"an ID has a tab":                             "it is aaaaaaaa\t-1111-2222-3333-444444444444" + command,
		"an ID is broken by a terminal":               "it is aaaaaaaa-1111-22\n22-3333-444444444444" + command,
		"an ID is broken before its dashes":           "it is aaaaaaaa\n-1111\n-2222\n-3333\n-eeeeeeeeeeee" + command,
		"an ID has a terminal's code within":          "terraform force-unlock aaaa\x1b[0maaaa-1111-2222-3333-444444444444" + command,
		"an ID has a code that is not one":            "it is \x1b_" + own + "\x1b\\" + command,
		"an ID is in a title":                         "\x1b]0;" + own + "\a" + command,
		"an ID is a tag":                              "<b" + own + "> is stuck" + command,
		"an ID has entities":                          "it is aaaaaaaa&#45;1111&#45;2222&#45;3333&#45;444444444444" + command,
		"a holder has written what separates columns": "STATE | ID | WHO\nb/a-team/x | " + own + " | a|b\nb/prod/x | " + other + " | ana\n",

		"a sentence":                    "Lock ID " + own + " of a-team/terraform.tfstate (stuck since 09:12, runner@fv-az1)" + hidden,
		"a sentence without a label":    "the lock " + own + " of a-team is stuck" + hidden,
		"the lock comes behind":         own + " is stuck, please unlock it" + hidden,
		"an ID of 35 characters":        "Lock ID " + own[:35] + " of a-team" + below,
		"an ID with a g":                own[:35] + "g" + below,
		"an ID without a digit":         "terraform force-unlock " + noDigits + below,
		"an ID without a digit, alone":  noDigits + below,
		"an ID with words, no UUID":     "lock-of-a-team" + below,
		"an ID of one word":             "Lock ID payroll" + below,
		"a command for one word":        "terraform force-unlock payroll" + below,
		"an ID of digits":               "it is 771200345" + below,
		"an ID of letters and digits":   "it is a1b2c3d4e5" + below,
		"an ID with underscores":        "it is lock_of_team" + below,
		"an ID with colons":             "it is a1:b2:c3:d4" + below,
		"an ID with another alphabet":   "lock ID \u0430aaaaaaa-1111 of a-team" + below,
		"an equals sign":                "lock:\n  ID = " + own + "\n  Path = b/a-team/x" + hidden,
		"a dash":                        "Lock Info\n  ID - " + own + hidden,
		"one line":                      "Lock Info ID: " + own + " Path: b/a-team/x" + hidden,
		"the dashboard's form":          "b/a-team/x\nId " + own + hidden,
		"an object with its ID alone":   `{"ID":"` + own + `"}` + hidden,
		"an array with its ID alone":    `["` + own + `"]` + hidden,
		"an object in an object":        `{"lock":{"id":"` + own + `","state":"b/a-team/x"}}` + hidden,
		"an object in broken JSON":      `{"ID":"` + own + `","Who":"\q"}` + hidden,
		"an object that is deep within": strings.Repeat(`{"a":`, 45) + `{"ID":"` + own + `"}` + strings.Repeat("}", 45) + hidden,
		"a message beside a lock":       `{"message":"Error: lock ` + own + ` of b/a-team/x","lock":{"id":"` + other + `","path":"b/prod/x"}}`,
		"a message within a lock":       `{"ID":"` + other + `","Path":"b/prod/x","message":"lock ` + own + ` on b/a-team/x is stuck, release it"}`,
		"a message without an ID":       `{"ID":"` + other + `","Path":"b/prod/x","message":"the lock of the a team is stuck, release it"}`,
		"a holder that names another":   "Lock ID: " + other + "\nHeld by: x, Lock ID " + own,
		"a holder that is another":      "Lock ID: " + other + "\nHeld by: " + own,
		"an operation on another path":  "Lock Info:\n  ID:        " + other + "\n  Path:      b/prod/x\n  Operation: on b/a-team/x\n",
		"flags before the ID":           "terraform force-unlock -force " + noDigits + below,
		"a session is called like it":   "Lock ID: " + other + "\n  - taken by session " + own + " (AWS:AROAX:" + own + ") at 2026-11-23 11:15 UTC",

		"a row whose ID has no digit":       heading + "b/a-team/x  stuck  45m  me  likely dead  " + noDigits + "\n" + row,
		"a row whose ID has words":          heading + "b/a-team/x  stuck  45m  me  likely dead  lock-of-a-team\n" + row,
		"a row whose ID is not plain":       heading + "b/a-team/x  stuck  45m  me  likely dead  <" + own + ">\n" + row,
		"a row of fewer cells":              heading + "b/a-team/x stuck  45m  me  likely dead  " + own + "\n" + row,
		"a row of more cells":               heading + "b/a-team/x  stuck  45m  m  e  likely dead  " + own + "\n" + row,
		"a row with one bar":                heading + "b/a-team/x  stuck  45m  a|b  likely dead  " + own + "\n" + row,
		"a row with seven bars":             heading + "b/a-team/x  stuck  45m  a|b|c|d|e|f|g|h  likely dead  " + own + "\n" + row,
		"a row of words":                    heading + "-  stuck  45m  me  likely dead  payroll\n" + row,
		"a row of words, in Markdown":       "| STATE | LOCK ID | BY |\n|---|---|---|\n| payroll | payroll | me |\n| b/prod/x | " + other + " | ana |\n",
		"a mail about a name":               "On run-7781-42, help me please, he wrote:" + below,
		"a summary with a dot behind":       "- b/a-team/x: me, held for 45m, stuck, ID " + own + " \u200b\n- b/prod/x: ana, held for 45m, stuck, ID " + other + "\n",
		"a summary with a colon":            "- b/a-team/x: me, held for 45m, stuck, ID: " + own + "\n- b/prod/x: ana, held for 45m, stuck, ID " + other + "\n",
		"a second heading":                  "Lock Info\n\nLock Info:\n  ID:        " + other + "\n  Path:      b/prod/x\n",
		"a heading with no-width blanks":    "Lock\u200bInfo: ID: " + own + below,
		"an own block with lower labels":    "lock info:\n  id:        " + own + "\n  path:      b/a-team/x\n" + below,
		"an own block in an HTML comment":   "<!-- Lock Info: ID " + own + " -->" + below,
		"what is around every line":         "[lock " + own[:20] + "] Lock Info:\n[lock " + own[:20] + "]   ID:        " + other + "\n[lock " + own[:20] + "]   Path:      b/prod/x\n",
		"what is around lines, and a word":  "run-7781-42 needs help\n\n\nrun-7781-42 Lock Info:\nrun-7781-42   ID:        " + other + "\nrun-7781-42   Path:      b/prod/x\n",
		"a path around every line":          "[b/a-team/x] Lock Info:\n[b/a-team/x]   ID:        " + other + "\n[b/a-team/x]   Path:      b/prod/x\n",
		"a path behind every line":          "Lock Info: b/a-team/x\n  ID:        " + other + " b/a-team/x\n  Path:      b/prod/x b/a-team/x\n",
		"a time that is an ID":              own[:8] + " Lock Info:\n" + own[9:13] + "   ID:        " + other + "\n",
		"very much that is harmless":        strings.Repeat("this is a word and then another one, ", 20) + below,
		"words that are joined by a path":   "it is about a-team/x" + below,
		"a mail to somebody":                "On Monday, the lock of payroll wrote: help" + below,
		"a folder of Atlantis":              "Ran Plan for dir: `b/a-team/x` workspace: `default`" + below,
		"a request's ID that is none":       "the lock is, RequestID: " + own + below,
		"a link":                            "see https://x.example/b/a-team/x" + below,
		"a link to a lock":                  "see https://x.example/locks/" + own + below,
		"an answer that is about both":      `{"outcome":"refused","message":"Not released: ` + own + ` on b/a-team/x","lock":{"id":"` + other + `","path":"b/prod/x"}}`,
		"a list of a lock and a request":    `[{"id":"` + own + `","path":"b/a-team/x","verdict":"stuck"},{"lock_id":"` + other + `","path":"b/prod/x"}]`,
		"a list of fields above a request":  "lock:\n  id: " + own + "\n  path: b/a-team/x\nlock_id: " + other + "\n",
		"a command in an HTML comment":      "<html><body>Lock:<br>ID " + own + "<br></body><!-- \nterraform force-unlock " + other + "\n--></html>",
		"a clipped summary above a table":   "Lock ID " + own + "\n\nSTATE  ID\nx  " + other + "\n",
		"a conflict in our own alert":       "Lock ID: " + other + "\n  - conflict: the same state is also locked by " + own + ": two runs may believe that they own it",
		"another lock in our own alert":     "Lock ID: " + other + "\nLocked now: by bob@desk, apply, lock ID " + own,
		"a state of another tool":           "State = b/a-team/x\nLock ID: " + other,
		"a stack":                           "Stack: b/a-team/x\nLock ID: " + other,
		"a state in lower case":             "state: b/a-team/x\nLock ID: " + other,
		"a bucket and a key":                "bucket: b\nkey: a-team/x\nLock ID: " + other,
		"a bucket and a key of one word":    "bucket: b\nkey: x\nLock ID: " + other,
		"a state in JSON":                   `{"lock_id":"` + other + `","state":"b/a-team/x"}`,
		"a state in a sentence":             "The lock of b/a-team/x is stuck. terraform force-unlock " + other,
		"a state's object":                  "s3://b/a-team/x.tflock is stuck\nterraform force-unlock " + other,
		"a state in an annotation":          "::error title=b/a-team/x::\nterraform force-unlock " + other,
		"a state in capitals":               "B/A-TEAM/X\nterraform force-unlock " + other,
		"a state with an invisible sign":    "b\u200b/a-team/x\nterraform force-unlock " + other,
		"a state behind the lock's own":     "b/prod/x, b/a-team/x\nterraform force-unlock " + other,
		"a state that begins like its own":  "b/prod/x2\nterraform force-unlock " + other,
		"a state that ends like its own":    "my-b/prod/x\nterraform force-unlock " + other,
		"a state in a folder of a log line": `{"working-dir":"b/a-team/x","msg":"terraform force-unlock ` + other + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if released, why := releases(text); released {
				t.Errorf("it is understood as a whole\n%s", text)
			} else if why == "" {
				t.Error("nothing says why")
			}
		})
	}
}

// What clients, CI systems and chats print about one lock, and nothing else, asks no question.
func TestRealTextsAreUnderstood(t *testing.T) {
	t.Parallel()
	m := tflock.Meant{ID: pastedID, Paths: []string{pastedPath}, Buckets: []string{"acme-states"}}
	texts := map[string]string{}
	for name, wrap := range wrappings {
		if name != "another unit's lines between" { // these show what is not of the lock
			texts[name] = wrap(clientError(lockInfo()))
		}
	}
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d pastes, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(raw)
	}
	for name, text := range map[string]string{
		"an ID with a label":         "Lock ID: " + pastedID,
		"an ID in quotes":            `"` + pastedID + `"`,
		"a command":                  "terraform force-unlock " + pastedID,
		"a forced command":           "$ tofu force-unlock -force " + pastedID + "\n",
		"a request":                  `{"lock_id":"` + pastedID + `","path":"` + pastedPath + `","reason":"laptop died, run is over","requested_by":"me"}`,
		"a lock's object":            `{"ID":"` + pastedID + `","Operation":"OperationTypeApply","Info":"","Who":"ana@ip-10-0-3-77.eu-central-1.compute.internal","Version":"1.11.4","Created":"2026-11-23T07:06:04.85961561Z","Path":"` + pastedPath + `"}`,
		"a row as DynamoDB's":        `{"LockID":{"S":"` + pastedPath + `"},"Info":{"S":"{\"ID\":\"` + pastedID + `\",\"Operation\":\"OperationTypeApply\",\"Info\":\"\",\"Who\":\"ana@laptop\",\"Version\":\"1.11.4\",\"Created\":\"2026-11-23T07:06:04.8Z\",\"Path\":\"` + pastedPath + `\"}"}}`,
		"a row":                      `{"LockID":"` + pastedPath + `","Info":"{\"ID\":\"` + pastedID + `\",\"Path\":\"` + pastedPath + `\"}"}`,
		"the table of the CLI":       "1 held, 1 of them stuck; 0 unreadable.\nSTATE                                              VERDICT  HELD  BY          RUN          LOCK ID\n" + pastedPath + "  stuck    45m   ana@laptop  likely dead  " + pastedID + "\n",
		"a table in Markdown":        "| STATE | LOCK ID | BY |\n|---|---|---|\n| " + pastedPath + " | " + pastedID + " | ana@laptop |\n",
		"Terraform 1.5's message":    "Error: Error acquiring the state lock\n\nError message: ConditionalCheckFailedException: The conditional request failed\n\tstatus code: 400, request id: 7PV6Q2R0BNTCIQJKKN1MVL6QNBVV4KQNSO5AEMVJF66Q9ASUAAJG\nLock Info:\n  ID:        " + pastedID + "\n  Path:      " + pastedPath + "\n  Operation: OperationTypePlan\n  Who:       ana@laptop\n  Version:   1.5.7\n  Created:   2026-11-23 07:06:04.85961561 +0000 UTC\n  Info:      \n",
		"a command and its question": "$ terraform force-unlock " + pastedID + "\nDo you really want to force-unlock?\n  Terraform will remove the lock on the remote state.\n  This will allow local Terraform commands to modify this state, even though it\n  may still be in use. Only 'yes' will be accepted to confirm.\n\n  Enter a value: \n",
		"a backend's first use":      "Initializing the backend...\n\nSuccessfully configured the backend \"s3\"! OpenTofu will automatically\nuse this backend unless the backend configuration changes.\nInitializing modules...\n" + clientError(lockInfo()),
		"a few words of a person":    "is anybody at work on this?\n\n" + clientError(lockInfo()),
	} {
		texts[name] = text
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref, err := tflock.ParseReference(text)
			if err != nil || ref.ID != pastedID {
				t.Fatalf("%+v, %v", ref, err)
			}
			if beside := m.Beside(text); beside != "" {
				t.Errorf("%s is not understood", beside)
			}
		})
	}
}

// Windows, hosts in clouds and CI systems give holders names of many kinds.
func TestHoldersOfManyKindsAreUnderstood(t *testing.T) {
	t.Parallel()
	m := tflock.Meant{ID: pastedID, Paths: []string{pastedPath}, Buckets: []string{"acme-states"}}
	for _, who := range []string{
		`CORP\svc$deploy@BUILD-12`, `CORP\nina@BUILD-12`, "runner@fv-az1245-345", "root@ip-10-0-3-77.eu-central-1.compute.internal", "jörg@Jörgs-MacBook-Pro.local", "root@3f2a9c1e4b5d",
		"jenkins@apply-7f9c4b8d6c-x2x9p", "Ana Maria@laptop", "root@runner-abc123-project-42-concurrent-0", "$(shell touch executed)`touch executed`", "",
	} {
		l := lockInfo()
		l.Who = who
		for _, wrapping := range []string{"nothing", "the client's frame", "a JSON field", "GitHub's times", "kubectl, all containers"} {
			if beside := m.Beside(wrappings[wrapping](clientError(l))); beside != "" {
				t.Errorf("%s, %s: %s is not understood", who, wrapping, beside)
			}
		}
	}
}
