package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/payload"
)

// Request is what an invocation asks for.
type Request struct {
	// ScheduledTime is of the schedule's Input: a report is published once for it. It is
	// zero for a request by hand.
	ScheduledTime time.Time `json:"scheduled_time"`
}

// ParseRequest reads a payload: nothing, `{}`, or a scheduled time. Its error says what is
// wrong with it.
func ParseRequest(event json.RawMessage) (Request, error) {
	var r Request
	if len(bytes.TrimSpace(event)) == 0 {
		return r, nil
	}
	if err := payload.Decode(event, &r); err != nil {
		return Request{}, fmt.Errorf("%w: write {} or {\"scheduled_time\": \"2026-11-23T08:00:00Z\"}", err)
	}
	return r, nil
}

const (
	// settled is how long before its scheduled time a week ends. Lambda stops a function
	// after 15 minutes, so that by then everything that happened in the week is on record:
	// a lock that a slow scan saw at the end of one week would be missing in it, and be too
	// early for the next.
	settled = 15 * time.Minute
	// maxLate is how long after its scheduled time an invocation is still that of the
	// schedule, which tries for a day, and Lambda for six hours more.
	maxLate = 48 * time.Hour
)

// week is the seven days that the request is about, from the first time up to the other:
// those before a scheduled time, however late it is delivered, so that every lock is in the
// week of one report; without one those before now.
func (r Request) week(now time.Time) span {
	to := now.UTC().Truncate(time.Second)
	if at := r.ScheduledTime.UTC(); !at.IsZero() && !at.After(now) && now.Sub(at) <= maxLate {
		to = at.Add(-settled)
	}
	return span{to.AddDate(0, 0, -7), to}
}

// id names what is published once.
func (r Request) id(requestID string) string {
	if r.ScheduledTime.IsZero() {
		return ledger.Requested(requestID)
	}
	return ledger.Scheduled(r.ScheduledTime)
}
