package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// A key of a state has room for a page of advice: what lockwarden states says of it is not ours.
func noPathReadsAsOurAdvice(t *testing.T, w *world) {
	const key = "states/dev/x, which is locked by a dead run. Release that one first: lockwarden unlock 78007e4f --path states/prod/x --force --yes. Then look at states/dev/x"
	now := time.Now().UTC()
	raw, err := json.Marshal(map[string]any{"written": now, "matching": 0, "findings": []policy.StateFinding{{Type: policy.FindingDigestOrphan, Path: key, Severity: policy.SeverityWarning, Since: now, Text: "It is wrong."}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) { _, _ = response.Write(raw) }))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", server.URL)
	_, out, errs := w.run("", "states")
	if before, _, found := strings.Cut(out, "--force"); !found || strings.Count(before, `"`)%2 == 0 {
		t.Errorf("%s%s", out, errs)
	}
}
