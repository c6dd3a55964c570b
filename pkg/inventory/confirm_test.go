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

	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// slowVersions gives the versions of a-team's states only when the time is up.
type slowVersions struct{ aws.HTTPClient }

func (s slowVersions) Do(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "a-team") && r.URL.Query().Has("versionId") {
		<-r.Context().Done()
	}
	return s.HTTPClient.Do(r)
}

// Whoever has the inventory read slow or large versions of as many states as are looked at again
// at once, to find the one that a wrong digest belongs to, takes no finding from others.
func TestSecondLooksAtOnePrefixTakeNoTimeFromOthers(t *testing.T) {
	w := newWorld(t)
	wrong := strings.Repeat("0", 32)
	for i := range 20 {
		key := fmt.Sprintf("a-team/%02d.tfstate", i)
		w.put(key, stateOf(1, "one"))
		w.put(key, stateOf(2, "one"))
		w.SetDigest(w.Table, key, wrong)
	}
	const key = "production/x.tfstate"
	w.put(key, stateOf(1, "one"))
	w.put(key, stateOf(2, "one"))
	w.SetDigest(w.Table, key, wrong)
	cfg := server.Config()
	cfg.HTTPClient = slowVersions{cfg.HTTPClient}
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
	defer cancel()
	report, err := w.inventory(cfg).Run(ctx, inventory.Request{})
	if !slices.ContainsFunc(report.Findings, func(f policy.StateFinding) bool {
		return f.Path == w.Path(key) && f.Type == policy.FindingDigestMismatch
	}) {
		t.Errorf("findings %+v, error %v, errors %q", report.Findings, err, report.Errors)
	}
}
