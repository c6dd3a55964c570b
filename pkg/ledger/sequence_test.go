package ledger_test

import (
	"cmp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/ledger"
)

func TestSequencersComeInTheOrderOfS3(t *testing.T) {
	for name, tc := range map[string]struct{ earlier, later string }{
		"of the same length":                               {"0055AED6DCD90281E5", "0055AED6DCD90281E6"},
		"the shorter one is padded on its right":           {"0055AED6DCD9", "0055AED6DCD90281E5"},
		"so a longer one may come first":                   {"0055AED6DC00000001", "0055AED6DD"},
		"which as numbers would be the other way around":   {"00FFFFFF", "01"},
		"digits and letters in either case":                {"9", "a"},
		"zeros on the right say nothing, others do":        {"0A00", "0A0001"},
		"longer than any number of a machine":              {strings.Repeat("F", 30) + "0", strings.Repeat("F", 31)},
		"the last digit of the longest":                    {strings.Repeat("0", 127), strings.Repeat("0", 127) + "1"},
		"a lower-case one is not behind all in upper case": {"aa", "AB"},
	} {
		t.Run(name, func(t *testing.T) {
			earlier, err1 := ledger.ParseSequence(tc.earlier)
			later, err2 := ledger.ParseSequence(tc.later)
			if err1 != nil || err2 != nil || earlier >= later {
				t.Errorf("%q, %v and %q, %v", earlier, err1, later, err2)
			}
		})
	}
	for _, wrong := range []string{"", "0x55", "55 ", "5G", "-1", strings.Repeat("A", 129), "１"} {
		if s, err := ledger.ParseSequence(wrong); err == nil {
			t.Errorf("%q is %q", wrong, s)
		}
	}
}

// S3's own rule, on any two sequencers.
func TestSequencersCompareAsIfPadded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9A-F]{1,40}`)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		pad := func(s string) string { return s + strings.Repeat("0", 40-len(s)) }
		x, err1 := ledger.ParseSequence(a)
		y, err2 := ledger.ParseSequence(b)
		if err1 != nil || err2 != nil || cmp.Compare(x, y) != cmp.Compare(pad(a), pad(b)) {
			t.Fatalf("%q, %v and %q, %v", x, err1, y, err2)
		}
	})
}
