package prune_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/prune"
)

// A payload that is accepted means what a strict reader reads in it: what it does not
// know is never left out, since it may be a misspelt dry_run.
func FuzzParseRequest(f *testing.F) {
	for _, payload := range []string{
		"", " \n", "{}", "null", "[]", `{"dry_run":true}`, `{"restore":"b/k"}`, `{"restore":"b/k","dry_run":true}`, `{"dryrun":true}`, `{"DRY_RUN":true}`,
		`{"dry_run":true}{}`, `{"dry_run":true,"dry_run":false}`, `{"dry_run":1e9999}`, `{"restore":"/"}`, `{"restore":"\ud800/x"}`, "{\"restore\":\"\xff/x\"}",
		`{"source":"aws.events","detail-type":"Scheduled Event"}`, `{"source":"aws.events","detail-type":"Scheduled Event","dry_run":true}`,
		strings.Repeat(`{"restore":`, 10_001), `{"restore":"` + strings.Repeat("x/", 10_000) + `"}`,
	} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := prune.ParseRequest(payload)
		if err != nil {
			return
		}
		if r.DryRun && r.Restore != "" {
			t.Fatalf("a restore that is a dry run: %+v", r)
		}
		var fields map[string]any
		if len(bytes.TrimSpace(payload)) == 0 || json.Unmarshal(payload, &fields) != nil || strings.HasPrefix(text(fields["source"]), "aws.") {
			return
		}
		for name := range fields {
			if !strings.EqualFold(name, "dry_run") && !strings.EqualFold(name, "restore") {
				t.Fatalf("%q was not looked at", name)
			}
		}
		if fields["dry_run"] == true && len(fields) == 1 && !r.DryRun {
			t.Fatal("a dry run was not read as one")
		}
	})
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
