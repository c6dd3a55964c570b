//go:build !race

package monitor_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
)

// heardLedger keeps what people hear of one lock. Recording each message has a time of its own.
type heardLedger struct {
	*busyLedger
	path  string
	heard []string // subjects
}

func (h *heardLedger) Do(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		if form.Get("Action") == "Publish" {
			h.takes = 500
			if strings.Contains(form.Get("Message"), h.path) {
				h.heard = append(h.heard, form.Get("Subject"))
			}
		}
	}
	return h.busyLedger.Do(r)
}

// A lock that shares its message with more locks of a flood than the ledger takes is on record all the same: people are notified of it once,
// and of its end.
func TestALockThatSharesItsMessageWithAFloodIsNotifiedOfOnce(t *testing.T) {
	t.Parallel()
	ownClock(t, func(t *testing.T) {
		world := flooded()
		wire := &heardLedger{busyLedger: &busyLedger{Direct: scale.Direct{World: world}}, path: "states/prod/x"}
		m := monitorOver(t, world, wire)
		world.Tables["locks"].Put(scale.Lock("states/prod/x", "prod", time.Now().Add(-time.Hour)))
		for scan := range 6 {
			for i := range 1000 {
				world.Tables["locks"].Remove(fmt.Sprintf("states/dev/%d-%d", scan-1, i))
				world.Tables["locks"].Put(scale.Lock(fmt.Sprintf("states/dev/%d-%d", scan, i), fmt.Sprintf("%d-%d", scan, i), time.Now().Add(-time.Hour*24)))
			}
			if scan == 4 {
				world.Tables["locks"].Remove("states/prod/x")
			}
			_, _ = m.Run(t.Context()) // not everything is recorded
			time.Sleep(5 * time.Minute)
		}
		if len(wire.heard) != 2 {
			t.Errorf("%d messages name it: %q", len(wire.heard), wire.heard)
		}
	})
}
