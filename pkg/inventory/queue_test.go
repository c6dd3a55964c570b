package inventory_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// endless is a state that goes on as long as somebody reads it.
type endless struct {
	ctx   context.Context
	begun bool
}

func (e *endless) Read(p []byte) (int, error) {
	if !e.begun {
		e.begun = true
		return copy(p, `{"version":4,"terraform_version":"1.11.4","serial":1,"lineage":"l","outputs":{},"resources":[`), nil
	}
	select {
	case <-e.ctx.Done():
		return 0, e.ctx.Err()
	case <-time.After(20 * time.Millisecond):
		return copy(p, `{"mode":"managed","type":"null_resource","name":"a","provider":"provider[\"registry.terraform.io/hashicorp/null\"]","instances":[]},`), nil
	}
}

func (*endless) Close() error { return nil }

// hugeStates makes the states under team-a/ endless.
type hugeStates struct{ aws.HTTPClient }

func (h hugeStates) Do(r *http.Request) (*http.Response, error) {
	out, err := h.HTTPClient.Do(r)
	if err != nil || r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/team-a/") || out.StatusCode != http.StatusOK {
		return out, err
	}
	if err := out.Body.Close(); err != nil {
		return nil, err
	}
	out.Body, out.ContentLength = &endless{ctx: r.Context()}, -1
	for name := range out.Header {
		if name == "Content-Length" || strings.Contains(strings.ToLower(name), "checksum") {
			out.Header.Del(name)
		}
	}
	return out, nil
}

// Whoever writes huge states under one prefix, as many as are read at once and older than all
// others, does not keep anybody else's from being read, nor the tables from being looked at.
func TestHugeStatesOfOnePrefixTakeNoTimeFromOthers(t *testing.T) {
	w := newWorld(t)
	for i := range 20 {
		w.put(fmt.Sprintf("team-a/%02d.tfstate", i), "{}")
	}
	time.Sleep(1100 * time.Millisecond) // S3's times are whole seconds
	const key = "production/terraform.tfstate"
	w.put(key, `{"version":4,"terraform_version":"1.11.4","serial":7,"lineage":"l","outputs":{},"resources":[],"check_results":null}`)
	w.SetDigest(w.Table, key, strings.Repeat("0", 32))
	cfg := server.Config()
	cfg.HTTPClient = hugeStates{server.ConfigOver(&local.Wire{}).HTTPClient}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	report, err := w.inventory(cfg).Run(ctx, inventory.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Read != 1 || !slices.ContainsFunc(report.Findings, func(f policy.StateFinding) bool {
		return f.Path == w.Path(key) && f.Type == policy.FindingDigestMismatch
	}) {
		t.Errorf("%d states were read; findings %+v", report.Read, report.Findings)
	}
	if said := strings.Join(report.Errors, "\n"); !strings.Contains(said, "20 changed states were not read before the time was up") {
		t.Errorf("it says %q", said)
	}
}
