package ledger_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// slowLedger is an AWS that gives so many pages of a query and then no more, as when the time is over.
type slowLedger struct {
	scale.Direct
	pages int
}

func (s *slowLedger) Do(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Query") {
		if s.pages--; s.pages < 0 {
			return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"__type":"x#ProvisionedThroughputExceededException"}`))}, nil
		}
	}
	return s.Direct.Do(r)
}

// Nobody is notified after a ledger could not be read to its end. What there is no room for in it goes all the same, or no later
// scan could read it either.
func TestALedgerThatIsTooLargeToBeReadGetsSmaller(t *testing.T) {
	world := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	for i := range 3000 {
		world.Tables["ledger"].Put(scale.Item{
			"kind": {"S": "lock"}, "id": {"S": fmt.Sprintf("%04d", i)}, "path": {"S": fmt.Sprintf("states/dev/%d", i)}, "lock_id": {"S": fmt.Sprint(i)},
			"body": {"S": `{"operation":"` + strings.Repeat("x", 20_000) + `"}`},
		})
	}
	wire := &slowLedger{Direct: scale.Direct{World: world}}
	cfg := scale.Config(wire)
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	n := ledger.NewNotifications(dynamodb.NewFromConfig(cfg), "ledger")
	now := time.Now()
	for scans := range 6 {
		wire.pages = 20
		now = now.Add(5 * time.Minute)
		if lease, err := n.Begin(t.Context(), fmt.Sprint("scan ", scans), &scan.Scan{Started: now}, now); err == nil {
			if left := len(lease.Memory.Locks); left == 0 {
				t.Error("nothing is remembered")
			}
			return
		}
	}
	t.Errorf("after six scans it cannot be read: %d rows", world.Tables["ledger"].Len())
}
