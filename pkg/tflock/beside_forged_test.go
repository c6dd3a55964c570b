//go:build !race

package tflock_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const forgedPath = "acme-states/platform/eu-west-1/networking/prod/terraform.tfstate"

// forgedReleases reports whether a text would release the lock pastedID on that path, of whose bucket the name is one of two that are watched.
func forgedReleases(t interface{ Logf(string, ...any) }, path, text string) bool {
	ref, err := tflock.ParseReference(text)
	if err != nil || ref.ID != pastedID || ref.OtherState(path) != "" {
		return false
	}
	bucket, _, _ := strings.Cut(path, "/")
	beside := tflock.Meant{ID: pastedID, Paths: []string{path}, Buckets: []string{bucket, "acme-dev"}}.Beside(text)
	t.Logf("%q", beside)
	return beside == ""
}

func far(columns int) string { return strings.Repeat(" ", columns) }

// Whoever writes a lock chooses all of its fields, another lock's ID among them, and a client's error shows them. It releases that
// other lock only where the line "Path:" shows the path of its state: a mask, blanks, a clip or another field do not stand for it.
func TestAForgedLocksErrorReleasesNothing(t *testing.T) {
	t.Parallel()
	const short = "b/prod/x"
	for name, tc := range map[string]struct{ path, shown, info string }{
		"the folder that tells states apart is masked": {forgedPath, "acme-states/platform/eu-west-1/networking/***/terraform.tfstate", ""},
		"the first folder is masked":                   {forgedPath, "acme-states/***/eu-west-1/networking/prod/terraform.tfstate", ""},
		"all but the last name is masked":              {forgedPath, "***/terraform.tfstate", ""},
		"a state without a folder":                     {"acme-states/terraform.tfstate", "***/terraform.tfstate", ""},
		"a bucket that may be another":                 {forgedPath, "acme-***/platform/eu-west-1/networking/prod/terraform.tfstate", ""},
		"a mask of a bucket, and tabs":                 {forgedPath, "acme-st***" + strings.Repeat("\t", 18) + forgedPath[len("acme-states"):], ""},
		"a mask of a bucket, and a line of tabs":       {forgedPath, "acme-st***\n" + strings.Repeat("\t", 17) + forgedPath[len("acme-states"):], ""},
		"a very long mask of a bucket":                 {forgedPath, strings.Repeat("*", 60) + forgedPath[len("acme-states"):], ""},
		"many masks of a bucket":                       {forgedPath, strings.Repeat("[REDACTED]", 5) + forgedPath[len("acme-states"):], ""},
		"the path behind codes of a terminal":          {short, "\n" + strings.Repeat("[107;107;107;107m", 20) + " " + short, ""},
		"the path behind escaped codes":                {short, "\n" + strings.Repeat("\x1b[31;31;31;31m", 20) + " " + short, ""},
		"rows of codes behind the path":                {short, short, strings.Repeat("terraform apply\n"+strings.Repeat("[107;107;107;107m", 140)+"\n", 10)},
		"the path behind blanks and a level":           {short, "\n" + far(90) + "INFO " + short, ""},
		"the path behind blanks and a number":          {short, "\n" + far(90) + "1: " + short, ""},
		"far to the right, and in Info":                {short, "\n" + far(140) + "INFO " + short, "\n" + far(95) + short},
		"far to the right, and behind a label in Info": {short, "\n" + far(140) + "INFO " + short, "\n  LockID: " + short},
		"behind codes, and in Info":                    {short, "\n" + strings.Repeat("[107;107;107;107m", 20) + " " + short, "\n  LockID: " + short},
		"behind escaped blanks":                        {short, "\n" + strings.Repeat(`\u00a0`, 24) + short, ""},
		"the path behind two times":                    {short, "\n" + far(20) + "[2026-11-21T09:20:00.123456789+00:00] [2026-11-21T09:20:00.123456789+00:00] " + short, ""},
		"the path behind a time, a number and blanks":  {short, "\n" + far(20) + "1: [2026-11-21T09:20:00.123456789+00:00] " + short, ""},
		"blanks behind a mask":                         {forgedPath, "acme-states/***g" + far(30) + "/prod/terraform.tfstate", ""},
		"blanks behind a mask, in the next line":       {forgedPath, "acme-states/***g\n" + far(30) + "/prod/terraform.tfstate", ""},
		"the path behind a few wide blanks":            {short, "\n  " + strings.Repeat("\u3000", 17) + " " + short, ""},
		"the path behind joiners":                      {short, "\n " + strings.Repeat("\u2060", 9) + " " + short, ""},
		"escaped blanks behind blanks":                 {short, "\n  " + strings.Repeat(`\u00a0`, 20) + " " + short, ""},
		"the path behind tags without words":           {short, "\n  " + strings.Repeat(`<span class="highlight">`, 15) + " " + short, ""},
		"a mask that is longer than the bucket":        {forgedPath, "acme-st" + strings.Repeat("*", 21) + forgedPath[len("acme-states"):], ""},
		"behind codes, and behind an alert's label":    {short, "\n  " + strings.Repeat("[107;107;107;107m", 20) + " " + short + "\n" + far(80) + "State: " + short, ""},
		"the path behind escaped tabs":                 {short, strings.Repeat("\t", 9) + " " + short, ""},
		"the path below lines of one blank":            {short, "\n" + strings.Repeat(" \n", 25) + short, ""},
		"the path below a level, again and again":      {short, "\n" + strings.Repeat("INFO \n", 25) + short, ""},
		"a mask, and the rest far to the right":        {short, "***\n" + far(120) + "/prod/x", ""},
		"the path far to the right":                    {short, "\n" + far(140) + short, ""},
		"the path behind a line's end of Unicode":      {short, "\n" + far(140) + "\u2028" + short, ""},
		"the path behind an escaped line's end":        {short, "\n" + far(140) + `\n` + short, ""},
		"the path behind a tag":                        {short, "\n" + far(140) + "<br>" + short, ""},
		"the path in Info, behind an escape":           {short, "\n" + far(140) + short, far(140) + `\n` + short},
		"the path behind wide blanks":                  {short, "\n" + strings.Repeat("\u3000", 90) + " " + short, ""},
		"the end of the path behind tabs":              {forgedPath, forgedPath[:20] + "\n" + strings.Repeat("\t", 14) + forgedPath[20:], ""},
		"a mask that may hide a folder":                {"acme-states/networking/terraform.tfstate", "***/networking/terraform.tfstate", ""},
		"the path behind tabs":                         {short, strings.Repeat("\t", 18) + short, ""},
		"the path far to the right in Info":            {short, "***/***", "\n" + far(140) + "LockID: " + short},
		"the path in Info":                             {short, "***/***", "\n  LockID: " + short},
		"the path behind sentences in Info":            {short, "***/x", strings.Repeat("Acquiring state lock. This may take a few moments... ", 6) + "LockID: " + short},
		"a clipped path, and the whole one in Info":    {short, "…/x", "\n  State: " + short},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lockInfo()
			l.Path, l.Info, l.Who = tc.shown, tc.info, "deploy@team-a"
			for _, wrapping := range []string{"nothing", "logfmt", "syslog, escaped", "a workflow command", "a div per line, on one", "the client's frame", "Go's %q", "GitHub's times", "an object per line", "a JSON string"} {
				text := wrappings[wrapping](clientError(l))
				for _, from := range []string{"", "Lock Info:", "  ID:"} { // the whole, and what somebody selects of it
					_, part, _ := strings.Cut(text, from)
					to, _, _ := strings.Cut(part, "Operation:")
					for _, part := range []string{from + part, from + strings.TrimRight(to, " ")} {
						if forgedReleases(t, tc.path, part) && (tc.shown != tc.path || strings.Contains(part, "Operation:")) {
							t.Errorf("%s, from %q: it is released by\n%s", wrapping, from, part)
						}
					}
				}
			}
		})
	}
	l := lockInfo()
	for _, shown := range []string{forgedPath, "***/platform/eu-west-1/networking/prod/terraform.tfstate", "[MASKED]-states/platform/eu-west-1/networking/prod/terraform.tfstate"} {
		l.Path = shown
		if !forgedReleases(t, forgedPath, clientError(l)) && !strings.HasPrefix(shown, "***") { // that may be the other bucket
			t.Errorf("an honest error with the path %s is asked about", shown)
		}
	}
}

// A logger makes an object of each line that a client prints: empty ones are as far as they were.
func TestEmptyLinesInJSONAreLines(t *testing.T) {
	t.Parallel()
	for empty, understood := range map[int]bool{0: true, 30: false} {
		l := lockInfo()
		l.Path = strings.Repeat("\n", empty) + "b/prod/x"
		var text strings.Builder
		for line := range strings.SplitSeq(clientError(l), "\n") {
			text.WriteString(`{"timestamp":"2026-11-21T09:20:00Z","message":` + asJSON(line) + "}\n")
		}
		if forgedReleases(t, "b/prod/x", text.String()) != understood {
			t.Errorf("%d empty lines before the path: it should be %t that it is released by\n%s", empty, understood, text.String())
		}
	}
}

// A text shows the path where people look for it: not at the end of a long line, not far to the right, not as a part of an address.
func TestAPathOutOfSightDoesNotCount(t *testing.T) {
	t.Parallel()
	const sentences = "Make sure that the run is over: look at its CI job, or ask deploy@team-a. If you release the lock of a live run, two runs write the same state. "
	frame := func(before string) string { // of what names the lock, and of nothing else
		return "Error: Error acquiring the state lock\n\n" + before + "Lock Info:\n" + before + "  ID:        " + pastedID + "\n" + before + "  Path:      b/prod/x\n  Operation: payroll nightly\n  Who:       ana@team-a\n  Version:   1.11.4\n"
	}
	held := "Held by: ana@a-team\nOperation: payroll nightly\nLock ID: " + pastedID + "\n"
	clipped := "[Lockwarden] stuck 45m: …/x (ana@a-team, run likely dead)\n\nHeld by: ana@a-team\nLock ID: " + pastedID + "\n"
	page, link := strings.Repeat("Runbook\n", 38), "Runbook: https://wiki.example/a-team/payroll-nightly/"+strings.Repeat("x", 60)
	for name, text := range map[string]string{
		"behind sentences":                      held + "\n" + sentences + "State: b/prod/x\n",
		"behind sentences, below a clipped one": clipped + "\n" + sentences + "State: b/prod/x\n",
		"behind an indentation":                 "Held by: ana@a-team\n" + far(140) + "State: b/prod/x\n" + far(140) + "Lock ID: " + pastedID + "\n",
		"behind an escaped line's end":          "Held by: ana@a-team\nLock ID: " + pastedID + far(140) + `\nState: b/prod/x`,
		"behind a tag":                          "Held by: ana@a-team\nLock ID: " + pastedID + " " + sentences + "<br>State: b/prod/x",
		"behind an entity":                      "Held by: ana@a-team\nLock ID: " + pastedID + " " + sentences + "&#10;State: b/prod/x",
		"behind a line's end of Unicode":        "Held by: ana@a-team\nLock ID: " + pastedID + " " + sentences + "\u2028State: b/prod/x",
		"in a line of JSON below others":        held + `{"text":` + asJSON(sentences+sentences) + `,"State":"b/prod/x"}`,
		"below a picture":                       "State:\n| || |  | |\n||| | |||| |\n| || | |  ||\nb/prod/x\nHeld by: ana@a-team\nLock ID: " + pastedID + "\n",
		"in a comment":                          held + "<!-- State: b/prod/x -->\n",
		"in a comment of several lines":         held + "<!-- \nState: b/prod/x\n-->\n",
		"in a tag that is none":                 held + "</ \nState: b/prod/x\n>\n",
		"behind tabs":                           "State:" + strings.Repeat("\t", 18) + "b/prod/x\nHeld by: deploy@team-a\nLock ID: " + pastedID + "\n",
		"behind a frame of blanks":              frame("12:00:01 " + far(120) + "12:00:02 "),
		"in a line of JSON, behind blanks":      `{"ID":"` + pastedID + `","Operation":"payroll nightly","Who":"ana@a-team",` + far(140) + `"Path":"b/prod/x"}`,
		"in addresses":                          clipped + strings.Repeat(link+",b/prod/x\n"+page, 5) + "State: b/prod/x",
		"in addresses, behind a quote":          held + strings.Repeat(link+"'b/prod/x\n"+page, 5) + "State: b/prod/x",
		"behind holders":                        clipped + strings.Repeat("Held by: ana@a-team,b/prod/x\n"+page, 5) + "State: b/prod/x",
		"at the end of long lines":              held + strings.Repeat(strings.Repeat("Runbook ", 20)+"b/prod/x\n"+page, 5) + "State: b/prod/x",
		"in escapes, and in an address":         held + `{"state":"\u0062\u002f\u0070\u0072\u006f\u0064\u002f\u0078"}` + "\nRunbook: https://wiki.example/a-team-b/prod/x-payroll\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if forgedReleases(t, "b/prod/x", text) {
				t.Errorf("it is released by\n%s", text)
			}
		})
	}
}

// The folders of a path say nothing of a state in another order, or behind its bucket's name: both are paths of other states.
func TestFoldersOfTheOwnPathInAnotherOrderAreAnotherState(t *testing.T) {
	t.Parallel()
	m := tflock.Meant{ID: pastedID, Paths: []string{forgedPath}, Buckets: []string{"acme-states"}}
	for field, understood := range map[string]bool{
		"OperationTypeApply": true, "OperationTypeApply\n  tf-path: acme-states/networking/prod/eu-west-1/terraform.tfstate": false,
		"OperationTypeApply\n  tf-path: prod/networking": false, "apply acme-states/ acme-states/networking/prod/terraform.tfstate": false, "apply in networking/prod": true,
	} {
		l := lockInfo()
		l.Path, l.Operation = forgedPath, field
		if beside := m.Beside(clientError(l)); (beside == "") != understood {
			t.Errorf("%q: %q", field, beside)
		}
	}
}

// A command shows no path, so that nothing may be drawn beside it: letters can be, of what is taken off before lines.
func TestACommandHasNoPictureBesideIt(t *testing.T) {
	t.Parallel()
	letters := []string{"##### ##### ", "  #   #     ", "  #   ####  ", "  #   ##### "}
	for name, text := range map[string]string{
		"before a level":           strings.Join(letters, "INFO \n") + "INFO \n",
		"before a time":            strings.Join(letters, "12:00:01 \n") + "12:00:01 \n",
		"before numbers of lines":  "||| | 1 \n| | 2 \n||| | 3 \n",
		"of a table's frames":      "╔╦╗╔═╗╔═╗╔╦╗──╔═╗\n·║·║╣·╠═╣║║║──╠═╣\n·╩·╚═╝╩·╩╩·╩──╩·╩\n",
		"before a level, with `>`": ">>> >>> INFO \n > > > INFO \n >  >> INFO \n",
	} {
		for _, command := range []string{"terraform force-unlock " + pastedID + "\n", "ID: " + pastedID + "\n"} {
			if forgedReleases(t, "b/prod/x", text+command) {
				t.Errorf("%s: it is released by\n%s", name, text+command)
			}
		}
	}
	if !forgedReleases(t, "b/prod/x", "```\n2026-11-21T09:20:00.120Z $ terraform force-unlock "+pastedID+"\n2026-11-21T09:20:00.121Z \n```\n") {
		t.Error("a command between times and in a fence is asked about")
	}
}

// A script's lock has no path in it: what stands for none in a text is the path of no state.
func TestALockWithoutAPathIsNamedByNoEmptyOne(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"[Lockwarden] stuck 45m: * (deploy@team-a, run likely dead)\n\nState: *\nHeld by: deploy@team-a\nLock ID: " + pastedID + "\n",
		"lockwarden unlock " + pastedID + " --path *\nreason: nightly of team-a hangs\n",
	} {
		if beside := (tflock.Meant{ID: pastedID, Paths: []string{"b/prod/x", "b/prod/x", ""}, Buckets: []string{"b"}}).Beside(text); beside == "" {
			t.Errorf("it is released by\n%s", text)
		}
	}
}

// Whatever fields a forged lock has, the line "Path:" of the error that releases another one shows the path of its state, or all of it
// but the bucket.
func TestAnErrorShowsThePathThatItReleases(t *testing.T) {
	t.Parallel()
	_, key, _ := strings.Cut(forgedPath, "/")
	rapid.Check(t, func(t *rapid.T) {
		changed := rapid.Custom(func(t *rapid.T) string {
			text := forgedPath
			for range rapid.IntRange(0, 3).Draw(t, "changes") {
				from := rapid.IntRange(0, len(text)).Draw(t, "from")
				to := rapid.IntRange(from, len(text)).Draw(t, "to")
				by := rapid.SampledFrom([]string{"***", "…", "...", "[MASKED]", "", " ", far(20), "\n", "\n" + far(10), "\t", "/", "\x1b[8m", "\u200b", "\\u002f", "<br>", "&nbsp;", "\r", "\\n", "\u2028", "\u0085", "\v", strings.Repeat("\u3000", 30), strings.Repeat("\t", 17), "&#10;", "%0A"}).Draw(t, "by")
				text = text[:from] + by + text[to:]
			}
			return text
		})
		l := lockInfo()
		l.Who = "deploy@team-a"
		l.Path = changed.Draw(t, "path")
		l.Info = rapid.SampledFrom([]string{"", "\n", "\n" + far(140), "Acquiring state lock. This may take a few moments... "}).Draw(t, "before") +
			rapid.SampledFrom([]string{"", "LockID: ", "State: ", "Path: ", "[Lockwarden] stuck 45m: "}).Draw(t, "label") + changed.Draw(t, "info")
		text := clientError(l)
		if forgedReleases(t, forgedPath, text) {
			bucket, rest, _ := strings.Cut(strings.Join(strings.Fields(l.Path), ""), "/")
			masked := strings.Contains(bucket, "***") || strings.Contains(bucket, "[MASKED]")
			if rest != key || bucket != "acme-states" && !masked || len(strings.ReplaceAll(l.Path, "\t", far(8))) > len(forgedPath)+40 {
				t.Fatalf("it is released by\n%s", text)
			}
		}
	})
}
