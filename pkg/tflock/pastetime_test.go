//go:build !race

package tflock_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// The longest texts, made of what is dear to read, are read in no time.
func TestTimeIsLinear(t *testing.T) {
	texts := map[string]string{
		"signs before headings on a line":    strings.Repeat("+", 130_000) + strings.Repeat("Lock Info:", 13_000) + everyView,
		"blanks behind a heading, and lines": "Lock Info:x" + strings.Repeat(" ", 100_000) + strings.Repeat("\n", 140_000) + everyView,
		"values in JSON behind many times":   asJSON(map[string]string{"a": strings.Repeat("1 ", 200) + strings.Repeat("{}", 60_000) + everyView + "ID"}) + everyView,
		"a path of many lines":               "Lock Info:\n  ID: x\n  Path: a\n" + strings.Repeat("a\n", 120_000) + "Operation: x\n" + everyView + "L\u200bock Info:",
	}
	for name, unit := range map[string]string{
		"braces": "{", "brackets": "[{", "objects that do not end": `{"a":`, "objects": `{"ID":"a","Path":"b"}`, "strings that do not end": `{"a`, "headings": "Lock Info:\n", "headings on a line": "Lock Info: ID: x Path: ", "IDs": "Lock ID: x\n", "colours": "\x1b[31m",
		"lost colours": "[31m", "titles": "\x1b]", "backslashes": `\`, "entities": "&amp;", "tags": "<", "open tags": "<b", "commands": "terraform force-unlock ", "variables": `lock_id="`, "marks": "│ ", "prefixed": "[a] ", "table": "ID | a\n", "lines": "\n", "wide": "\u00a0",
		"different IDs": "Lock Info:\n  ID: %d\n  Path: b/k\n", "different fields": `{"k%d":"v"}`, "digits": "1 ", "log words": "error ",
	} {
		var b strings.Builder
		for i := 0; b.Len() < 100<<10; i++ {
			b.WriteString(strings.ReplaceAll(unit, "%d", fmt.Sprint(i)))
		}
		texts[name] = b.String()
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			started := time.Now()
			_, _ = tflock.ParseReference(text)
			if took := time.Since(started); took > 30*time.Second { // a busy machine; a square would take minutes
				t.Errorf("took %v", took)
			}
		})
	}
}
