package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// escapes is what somebody who names a session, a tag or a run, or answers for a CI system,
// could want a terminal to do.
const escapes = "\x1b[2J\x1b]0;owned\x07\x1b]8;;https://evil.example\x1b\\x\u009b31m\u202egnp\u2028forged: line\r\n\tforged: row\U000e0041$(touch executed)"

// sayHostileThings has every function answer with a lock whose every text is one of these.
func sayHostileThings(t *testing.T, w *world) {
	at := time.Now().UTC().Truncate(time.Second)
	f := policy.Description{
		ID: "id" + escapes, Path: "states/env" + escapes, Operation: "op" + escapes, Who: "who\x1b[2J\u202e\r\nforged", Version: "v" + escapes, HeldSince: at,
		Holdings: []tflock.Kind{tflock.S3}, Stores: []string{"arn" + escapes}, Verdict: policy.Stuck,
		Witness: &policy.Witness{Principal: "AWS:AROAX:" + escapes, Session: "session" + escapes, SourceIP: "address" + escapes, TakenAt: at},
		Run:     &policy.Run{Source: policy.GitHub, ID: "run" + escapes, URL: "https://x/" + escapes, Status: policy.RunEnded, Ended: &at},
	}
	f.Evidence = policy.Evidence{Liveness: policy.RunOver, Reasons: []string{"reason" + escapes, f.Run.Words(at), f.Witness.Words()}}
	answer := map[string]any{
		"held": 1, "stuck": 1, "locks": []any{f}, // of the monitor
		"outcome": "refused", "message": "message" + escapes, "lock": f, "next_steps": []string{"step" + escapes}, // of unlock
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) { _, _ = response.Write(raw) }))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", server.URL)
	for command, code := range map[string]int{"locks": 0, "unlock x --dry-run": exitRefused, "unlock x --reason y --yes": exitRefused} {
		got, out, errs := w.run("", strings.Fields(command)...)
		w.want(code, got, out, errs, "session")
		mustBePlain(t, command, out+errs)
		got, out, errs = w.run("", append(strings.Fields(command), "--json")...)
		w.want(code, got, out, errs)
		mustBePlain(t, command+" --json", out+errs)
		if again := decoded(t, []byte(out)); !reflect.DeepEqual(again, decoded(t, raw)) {
			t.Errorf("%s --json says something else than the function: %s", command, out)
		}
	}
}

// mustBePlain checks that nothing of an answer moves a terminal's cursor, hides text or
// makes a line of its own.
func mustBePlain(t *testing.T, command, printed string) {
	t.Helper()
	for _, r := range printed {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)) {
			t.Fatalf("%s prints %U: %q", command, r, printed)
		}
	}
	for _, l := range strings.Split(printed, "\n") {
		if strings.HasPrefix(strings.TrimLeft(l, " -"), "forged") {
			t.Errorf("%s prints a forged line: %q", command, l)
		}
	}
}

func decoded(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	if err := json.NewDecoder(io.Reader(bytes.NewReader(raw))).Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return v
}

// One path of two thousand characters does not make every row of a table as wide.
func TestALongCellIsShortened(t *testing.T) {
	var out bytes.Buffer
	rows := [][]string{{"STATE", "BY"}, {"b/team-a/" + strings.Repeat("x", 1900) + "/end", strings.Repeat("w", 500)}, {"b/production/terraform.tfstate", "me"}}
	if err := (terminal{out: &out}).table(rows); err != nil {
		t.Fatal(err)
	}
	for row := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(row); n > 330 {
			t.Errorf("a row of %d columns", n)
		}
	}
	if !strings.Contains(out.String(), "b/team-a/xxx") || !strings.Contains(out.String(), "…") || !strings.Contains(out.String(), "xxx/end") {
		t.Errorf("the beginning or the end of a path is not shown:\n%s", out.String())
	}
}
