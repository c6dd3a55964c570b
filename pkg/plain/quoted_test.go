package plain

import (
	"strings"
	"testing"
)

func TestWordsOfOthersAreQuoted(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                              "",
		"states/a-b_c:d=e@f+g,h~i.json": "states/a-b_c:d=e@f+g,h~i.json",
		`CORP\ana$@laptop`:              `CORP\ana$@laptop`,
		"env:/my team/x":                `"env:/my team/x"`,
		`x" is gone. Run y "`:           `"x' is gone. Run y '"`,
		"x” is gone„«»":                 `"x' is gone'"`,
		"x'' is gone″ and ```more´´":    "\"x' is gone' and `more´\"",
		"xʼʼ is gone``y":                "\"xʼ is gone`y\"",
		"x‴ is gone˝":                   `"x' is gone'"`,
		"somebody's work":               `"somebody's work"`,
		"x\u00a0is\u00a0gone":           "\"x\u00a0is\u00a0gone\"",
		"鎖":                             `"鎖"`,
	} {
		if got := Quoted(text); got != want {
			t.Errorf("%q is %s", text, got)
		}
		if inner := strings.Count(Quoted(text), `"`); inner != 0 && inner != 2 {
			t.Errorf("%q ends its quotation", text)
		}
	}
}

func TestNamesThatAShellTakesApartAreWarnedOf(t *testing.T) {
	t.Parallel()
	for name, warns := range map[string]bool{
		"states/a-b_c:d=e@f+g,h~i.json":        false,
		"states/team-x/a --force":              true,
		"states/team-x/a$IFS--force":           true, // no blank, and to a shell there is one
		`states/team-x\a`:                      true,
		"states/team-x/{--force,--yes}":        true,
		"78007e4f-7284-5b8c-b34c-620445a03e9c": false,
		"--force":                              true,
	} {
		if (ShellWarning(name) != "") != warns {
			t.Errorf("%s: %q", name, ShellWarning(name))
		}
	}
}
