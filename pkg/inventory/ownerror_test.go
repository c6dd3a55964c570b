package inventory_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/inventory"
)

// Sixty teams have states that cannot be read: another number of errors than there is room for. What fails for everybody is said all the same.
func TestWhatIsOfNoOneStateIsSaidBesideManyPrefixes(t *testing.T) {
	w := scale.Stock(0, 0)
	cfg := w.Online(t)
	cfg.HTTPClient = answers(func(r *http.Request) (*http.Response, error) {
		switch key := r.URL.Path; {
		case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Scan"):
			return refusal(r, "application/x-amz-json-1.0", `{"__type":"AccessDeniedException","message":"no Scan"}`), nil
		case r.Method == http.MethodPut && strings.HasSuffix(key, "states.csv"):
			return refusal(r, "application/xml", "<Error><Code>AccessDenied</Code><Message>no PutObject</Message></Error>"), nil
		case r.Method == http.MethodGet && strings.Contains(key, "odd"):
			return refusal(r, "application/xml", "<Error><Code>InvalidArgument</Code><Message>no</Message></Error>"), nil
		}
		return http.DefaultClient.Do(r)
	})
	a := accountOver(t, w, cfg)
	for i := range 60 {
		for j := range 2 {
			key := fmt.Sprintf("team-%02d/%d-odd.tfstate", i, j)
			w.Buckets["states"].Put(key, stateOf(1, key), time.Now().Add(-time.Hour))
		}
	}
	report, err := a.inventory.Run(t.Context(), inventory.Request{})
	said := strings.Join(report.Errors, "\n")
	for _, want := range []string{"no Scan", "no PutObject"} {
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(said, want) {
			t.Errorf("nothing says %s:\n%s", want, said)
		}
	}
}

type answers func(*http.Request) (*http.Response, error)

func (f answers) Do(r *http.Request) (*http.Response, error) { return f(r) }
