//go:build !race

package tflock_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func hostileIDs(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("testdata/hostile-ids.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases map[string]any
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{
		"a newline":                  otherID + "\n",
		"a return":                   otherID + "\r",
		"a newline before":           "\n" + otherID,
		"a blank before":             " " + otherID,
		"a blank behind":             otherID + " ",
		"a no-break space before":    "\u00a0" + otherID,
		"an invisible sign":          otherID + "\u200b",
		"a colour":                   "\x1b[31m" + otherID + "\x1b[0m",
		"a colour inside":            otherID[:9] + "\x1b[31m" + otherID[9:],
		"a lost colour":              "[0m" + otherID,
		"quotes":                     `"` + otherID + `"`,
		"backticks":                  "`" + otherID + "`",
		"tags":                       "<b>" + otherID + "</b>",
		"an entity":                  "&quot;" + otherID,
		"an escaped newline":         `x\n  ID:        ` + otherID,
		"a forged line":              "x\n  ID:        " + otherID,
		"a forged block":             "\nLock Info:\n  ID:        " + otherID + "\n  Path:      " + otherPath,
		"a forged block behind one":  "x\n  Path:      b/k\n\nLock Info:\n  ID:        " + otherID + "\n  Path:      " + otherPath,
		"a block's fields":           otherID + "\n  Path:      " + otherPath + "\n  Operation: OperationTypeApply\n  Who:       x\n  Version:   1\n  Created:   x\n  Info:      x\n\n",
		"the field of a request":     `{"lock_id":"` + otherID + `"}`,
		"a command":                  "terraform force-unlock " + otherID,
		"a command on its own line":  "\nterraform force-unlock " + otherID,
		"JSON on its own line":       "\n{\"ID\":\"" + otherID + "\",\"Path\":\"" + otherPath + "\"}",
		"a label of ours":            "\nLock ID:    " + otherID,
		"a variable":                 "LOCK_ID=" + otherID,
		"a comma":                    otherID + ",",
		"a bar":                      otherID + " |",
		"the frame":                  "│ " + otherID,
		"a line separator":           otherID + "\u2028",
		"one line of a forged block": "x Path: b/k Operation: o Lock Info: ID: " + otherID + " Path: " + otherPath,
	}
	for name, value := range cases {
		switch v := value.(type) {
		case string:
			ids[name] = v
		case map[string]any:
			ids[name] = v["ID"].(string)
		}
	}
	return ids
}

// shown is an ID as a screen shows it: what surrounds it and is not seen can be lost on
// the way, and whoever adds it to another lock's ID could as well have copied the ID.
func shown(id string) string {
	return strings.TrimFunc(colour.ReplaceAllString(id, ""), func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

var colour = regexp.MustCompile(`\x1b?\[[0-9;]*m|<[^>]*>`)

// cuts reports whether a wrapping cuts a text within what may be in that ID: then nothing is
// left that gives the forgery away, and it is as if the other lock's ID had been copied.
func cuts(wrapping, id string) bool {
	return (wrapping == "cut behind the path" || wrapping == "two lines of the block") && strings.ContainsAny(id, "\n\r\u2028")
}

// Whatever a lock has as its ID, the text that a client prints of it never names another
// lock, in no wrapping.
func TestAHostileIDNamesNoOtherLock(t *testing.T) {
	for name, id := range hostileIDs(t) {
		for wrapping, wrap := range wrappings {
			if cuts(wrapping, id) {
				continue
			}
			l := lockInfo()
			l.ID = id
			text := wrap(clientError(l))
			if got, err := tflock.ParseReference(text); err == nil && got.ID != id && got.ID != shown(id) {
				t.Errorf("%s in %s: got %+v", name, wrapping, got)
			}
		}
	}
}

// Nor does what else a holder writes.
func TestAHostileFieldNamesNoOtherLock(t *testing.T) {
	for name, text := range hostileIDs(t) {
		for wrapping, wrap := range wrappings {
			for field, l := range map[string]tflock.Info{
				"Path": {ID: pastedID, Path: text, Operation: "o", Who: "w", Version: "1"},
				"Who":  {ID: pastedID, Path: pastedPath, Operation: "o", Who: text, Version: "1"},
			} {
				pasted := wrap(clientError(l))
				if got, err := tflock.ParseReference(pasted); err == nil && got.ID != pastedID {
					t.Errorf("%s in %s in %s: got %+v", name, field, wrapping, got)
				}
			}
		}
	}
}

var hostileText = rapid.Custom(func(t *rapid.T) string {
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{
		otherID, pastedID, otherPath, "ID:", "ID: ", "  ID:        ", "  Path:      ", "Lock ID: ", "Path: ", "Operation: ", "Who: ", "Info:", "Lock Info:", "Lock Info:\n", "\n", "\n", "\r", " ", "  ", "\t",
		"\u00a0", "\u200b", "│ ", "| ", "\"", "`", "'", "\\n", "\\", "{", "}", "\"ID\":", "\"Path\":", "\"lock_id\":\"", ",", ": ", "\x1b[0m", "[0m", "<br>", "<b>", "&nbsp;", "&#10;", "%0A", "#012",
		"terraform force-unlock ", "x", "***", "- ", "> ", ", held for 1m, ID ",
	}), 0, 8).Draw(t, "parts")
	return strings.Join(parts, "")
})

// A lock whose fields are all chosen by somebody hostile: what a client prints of it names
// it, or nothing.
func TestNoLockIsTakenForAnother(t *testing.T) {
	names := make([]string, 0, len(wrappings))
	for name := range wrappings {
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		l := tflock.Info{ID: hostileText.Draw(t, "ID"), Path: pastedPath, Operation: "o", Who: "w", Version: "1"}
		if rapid.Bool().Draw(t, "an honest ID") {
			l.ID = pastedID
		}
		switch rapid.IntRange(0, 4).Draw(t, "field") {
		case 0:
			l.Path = hostileText.Draw(t, "Path")
		case 1:
			l.Operation = hostileText.Draw(t, "Operation")
		case 2:
			l.Who = hostileText.Draw(t, "Who")
		case 3:
			l.Info = hostileText.Draw(t, "Info")
		}
		wrapping := rapid.SampledFrom(names).Draw(t, "wrapping")
		if cuts(wrapping, l.ID) {
			t.Skip("the forgery is all that is left") //nolint:forbidigo // rapid draws again
		}
		text := wrappings[wrapping](clientError(l))
		if got, err := tflock.ParseReference(text); err == nil && got.ID != l.ID && got.ID != shown(l.ID) {
			t.Fatalf("got %+v of\n%q", got, text)
		}
	})
}
