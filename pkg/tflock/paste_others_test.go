package tflock_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	own   = "aaaaaaaa-1111-2222-3333-444444444444"
	other = "bbbbbbbb-1111-2222-3333-444444444444"
)

// Whoever takes a lock chooses what its client prints, and what is in its object. A text that
// people read as the lock of its writer must not be followed as another one's.
func TestATextThatShowsOneLockAndNamesAnotherIsRefused(t *testing.T) {
	const (
		mine, theirs = "b/a-team/x", "b/prod/x"
		block        = `Lock Info:\n  ID:        ` + own + `\n  Path:      ` + mine + `\n  Operation: x`
	)
	for name, text := range map[string]string{
		"an object has the ID twice":                  `{"ID":"` + own + `","Who":"me","ID":"` + other + `"}`,
		"an object has the ID and the path twice":     `{"ID":"` + own + `","Path":"` + mine + `","ID":"` + other + `","Path":"` + theirs + `"}`,
		"an object has the ID in another case":        `{"ID":"` + own + `","Who":"me","id":"` + other + `"}`,
		"a request has its ID twice":                  `{"lock_id":"` + own + `","path":"` + mine + `","lock_id":"` + other + `","path":"` + theirs + `"}`,
		"an object deep within has the ID twice":      `{"x":[{"y":{"ID":"` + own + `","Path":"` + mine + `","ID":"` + other + `"}}]}`,
		"a row's lock has the ID twice":               `{"LockID":"` + mine + `","Info":"{\"ID\":\"` + own + `\",\"ID\":\"` + other + `\"}"}`,
		"a log line is of another lock":               `{"level":"error","message":"` + block + `","lock":{"id":"` + other + `","path":"` + theirs + `"}}`,
		"a log line has another lock's ID":            `{"level":"error","message":"` + block + `","lock_id":"` + other + `","path":"` + theirs + `"}`,
		"a log line is another lock":                  `{"message":"` + block + `","ID":"` + other + `","Path":"` + theirs + `"}`,
		"a request is beside another lock":            `{"lock_id":"` + own + `","path":"` + mine + `","lock":{"id":"` + other + `","path":"` + theirs + `"}}`,
		"a number is too large to be read":            `{"ID":"` + own + `","Path":"` + mine + `","pid":1e400}` + "\n" + `{"lock_id":"` + other + `","path":"` + theirs + `"}`,
		"an ID has an invisible character":            "terraform force-unlock aaaaaaaa\u200b-1111-2222-3333-444444444444\nlock_id=" + other,
		"an ID has a soft hyphen":                     "terraform force-unlock aaaa\u00adaaaa-1111-2222-3333-444444444444\nlock_id=" + other,
		"an ID has a Cyrillic letter":                 "terraform force-unlock \u0430aaaaaaa-1111-2222-3333-444444444444\nlock_id=" + other,
		"an ID has another dash":                      "terraform force-unlock aaaaaaaa\u20111111-2222-3333-444444444444\nlock_id=" + other,
		"an ID has a terminal's code within":          "terraform force-unlock aaaa\x1b[0maaaa-1111-2222-3333-444444444444\nlock_id=" + other,
		"a holder has written what separates columns": "STATE | ID | WHO\nb/a-team/x | " + own + " | a|b\nb/prod/x | " + other + " | ana\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if ref, err := tflock.ParseReference(text); err == nil {
				t.Errorf("it names %+v", ref)
			}
		})
	}
}

// What else looks like an ID is known, whatever is around it, and is not refused: clients print
// the IDs of requests.
func TestOtherIDsOfATextAreKnown(t *testing.T) {
	for name, text := range map[string]string{
		"a request's ID":            "Lock Info:\n  ID:        " + own + "\n  Path:      b/x\nRequestID: " + strings.ToUpper(other),
		"behind an escaped newline": `{"ID":"` + own + `","Path":"b/x","Info":"see\n` + other + `."}`,
		"within a word":             "Lock Info:\n  ID:        " + own + "\n  Path:      b/x\nx" + other + "y",
		"the same ID in capitals":   "Lock Info:\n  ID:        " + own + "\n  Path:      b/x\n" + strings.ToUpper(own) + " " + other,
		"the same ID with a colour": "Lock Info:\n  ID:        " + own + "\n  Path:      b/x\naaaaaaaa-\x1b[1m1111-2222-3333-444444444444 " + other,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref, err := tflock.ParseReference(text)
			if got := tflock.OtherIDs(text, ref.ID); err != nil || ref.ID != own || !slices.Equal(got, []string{other}) {
				t.Errorf("it names %+v, %v, and others are %q", ref, err, got)
			}
		})
	}
}

// Wherever an ID is put into a text, it is known.
func TestAnIDAnywhereInATextIsKnown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, behind := rapid.String().Draw(t, "before"), rapid.String().Draw(t, "behind")
		if text := before + other + behind; !slices.Contains(tflock.OtherIDs(text, own), other) && len(tflock.OtherIDs(text, own)) == 0 {
			if _, err := tflock.ParseReference("Lock Info:\n  ID:        " + own + "\n  Path:      b/x\n" + text); err == nil {
				t.Fatalf("not known in %q", text)
			}
		}
	})
}
