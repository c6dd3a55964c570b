//go:build !race

package console_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// weighed sees the heap at the last call for which a page is drawn: that of automatic releases.
type weighed struct{ heap uint64 }

func (w *weighed) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Query") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if r.Body = io.NopCloser(bytes.NewReader(body)); bytes.Contains(body, []byte(`"auto`)) {
			w.heap = heap()
		}
	}
	return http.DefaultClient.Do(r)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Whoever may write one prefix of a lock table can have 50,000 locks there, as many as a scan keeps. A page
// shows fifty, and the cases of all of them would end the function with everybody's dashboard.
func TestAFloodOfLocksFitsTheMemoryOfAPage(t *testing.T) {
	const rows = 50_000
	w := &scale.World{Tables: map[string]*scale.Table{"locks": scale.LockTable("locks", scale.Crowd{}), "ledger": scale.Ledger("ledger")}}
	put := func(path string) {
		w.Tables["locks"].Put(scale.Item{"LockID": {"S": path}, "Info": {"S": fmt.Sprintf(`{"ID":"of %s","Operation":"OperationTypeApply","Who":"%s","Created":"2026-01-02T03:04:05Z"}`, path, strings.Repeat("w", 100))}})
	}
	for i := range rows {
		put(fmt.Sprintf("states/team-a/%d", i))
	}
	put("states/production/terraform.tfstate")
	scales, cfg := &weighed{}, w.Online(t)
	cfg.HTTPClient = scales
	set, err := backend.Open(cfg, []string{scale.TableARN("locks")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	inLedger := dynamodb.NewFromConfig(cfg)
	c := &console.Console{
		Scanner: scan.New(set, policy.Rules{Thresholds: policy.Thresholds{Default: 30 * time.Minute}, ReleaseGuard: 10 * time.Minute}, time.Now),
		Ledger:  ledger.NewNotifications(inLedger, "ledger"), AutoReleases: ledger.NewAutoReleases(inLedger, "ledger"), Unlock: self,
	}
	before := heap()
	page := c.Answer(t.Context(), []byte(`{"widgetContext":{}}`), self)
	if !strings.Contains(page, "production/") || !strings.Contains(page, "of 50001") {
		t.Errorf("production is not on the first page, or not all are counted: %.3000s", page[strings.Index(page, "</style>"):])
	}
	// Not even its case of 500 bytes is kept of one that is not shown.
	if each := (scales.heap - before) / rows; scales.heap == 0 || each > 200 {
		t.Errorf("%d bytes for each lock", each)
	}
}
