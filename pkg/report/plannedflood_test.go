//go:build !race

package report_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/report"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// largeLedger is a ledger in which a page of planned releases takes a minute: a thousand times as long as a megabyte of them takes a
// function that has its share of a CPU, so that a thousandth of the rows is enough.
type largeLedger struct{ scale.Direct }

func (l largeLedger) Do(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Query") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if r.Body = io.NopCloser(bytes.NewReader(body)); bytes.Contains(body, []byte(`"planned"`)) {
			select {
			case <-time.After(time.Minute):
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
	}
	return l.Direct.Do(r)
}

// Whoever has releases of other locks planned in each scan keeps nobody from the weekly report.
func TestManyPlannedReleasesDoNotKeepPeopleFromTheReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(monday))
		w := alone(t)
		w.client = dynamodb.NewFromConfig(scale.Config(largeLedger{scale.Direct{World: w.fake}}))
		w.autoReleases = ledger.NewAutoReleases(w.client, "ledger")
		w.scans(-14*24, 0)
		w.now = monday
		long := strings.Repeat("x", 900)
		for i := range 3000 {
			key := ledger.Key{Path: tflock.Path(fmt.Sprintf("states/team-a/%d%s", i, long)), ID: long}
			w.check(w.autoReleases.RecordPlan(t.Context(), key, nil, ledger.Plan{Mode: policy.AutoReport, Published: monday.Add(-time.Hour)}))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		r := w.reporter()
		r.Log = slog.New(slog.DiscardHandler)
		if _, err := r.Run(ctx, report.Request{}, "a"); err != nil || len(w.events) != 1 {
			t.Errorf("%d reports, %v", len(w.events), err)
		}
	})
}
