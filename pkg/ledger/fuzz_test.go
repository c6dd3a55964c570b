package ledger_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/pkg/ledger"
)

const remembered = `{"first_seen":"2026-11-23T02:00:00Z","not_before":"2026-11-23T01:55:00Z","kinds":["dynamodb","s3"],"stores":["arn:table","arn:bucket"],` +
	`"notified_at":"2026-11-23T03:00:00Z","notified":2,"description":{"id":"x","path":"b/k","verdict":"stuck","evidence":{"liveness":"unknown","reasons":["r"]}}}`

// A row that can be read says the same with its description and without.
func FuzzDecodeEntry(f *testing.F) {
	for _, body := range []string{
		remembered, "", "{}", "null", "[]", `{"description":null}`, `{"description":5}`, `{"description":{"id":5}}`, `{"DESCRIPTION":{},"Notified":3}`, `{"notified":1,"notified":2}`,
		`{"notified":1e9999}`, `{"notified":9223372036854775808}`, `{"first_seen":"x"}`, `{"kinds":"dynamodb"}`, "{\"stores\":[\"\xff\"]}",
		`{"description":` + strings.Repeat("[", 10_001), `{"stores":[` + strings.Repeat(`"",`, 5_000) + `""]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		whole, err := ledger.DecodeEntry(body, true)
		if err != nil {
			return
		}
		lean, err := ledger.DecodeEntry(body, false)
		if err != nil || lean.Description != nil {
			t.Fatalf("%v, %+v", err, lean.Description)
		}
		whole.Description = nil
		if diff := cmp.Diff(whole, lean); diff != "" {
			t.Fatal(diff)
		}
	})
}
