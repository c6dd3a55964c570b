package payload_test

import (
	"encoding/json"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/payload"
)

// Whatever is in the strings of an answer, a terminal that it is printed on as it is takes none of it for a command, and it
// means the same.
func TestAnAnswerIsLegible(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("a\"\\\n\x1b\x7f\u0085\u009b\u009d\u202e\u2028\u200b\U000e0041é")))).Draw(t, "text")
		before, err := json.Marshal(map[string]string{text: text})
		if err != nil {
			t.Fatal(err)
		}
		after := payload.Legible(append(before, '\n'))
		for _, r := range string(after[:len(after)-1]) {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Fatalf("%q", after)
			}
		}
		var again, meant map[string]string
		if json.Unmarshal(after, &again) != nil || json.Unmarshal(before, &meant) != nil || again[text] != meant[text] || len(again) != 1 {
			t.Fatalf("%q became %q", before, after)
		}
	})
}

func TestAByteOutsideOfUTF8IsLegible(t *testing.T) {
	if got := string(payload.Legible([]byte("\"a\x9b2J\""))); got != `"a\ufffd2J"` {
		t.Errorf("%q", got)
	}
}
