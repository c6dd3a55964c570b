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
	// early is how far a schedule's clock may be ahead of ours.
	early = 5 * time.Minute
	// maxLate is how long after its scheduled time a week can be reported, with the week before
	// it: then its records begin to expire.
	maxLate = ledger.KeepPast - 15*24*time.Hour
)

// week is the seven days that the request is about, from the first time up to the other:
// those before a scheduled time, however late it is delivered, so that every lock is in the
// week of one report; without one those before now. It fails where the scheduled time has not
// come: the report of that time would be published with the figures of an earlier week. It
// fails too where the records of the week may have expired.
func (r Request) week(now time.Time) (span, error) {
	to := now.UTC().Truncate(time.Second)
	switch at := r.ScheduledTime.UTC(); {
	case r.ScheduledTime.IsZero():
	case at.After(now.Add(early)):
		return span{}, fmt.Errorf("scheduled_time %s has not come: write {} for the seven days before now", at.Format(time.RFC3339))
	case now.Sub(at) > maxLate:
		return span{}, fmt.Errorf("scheduled_time %s is more than %d days ago, and the records of that week begin to expire: write {} for the seven days before now", at.Format(time.RFC3339), maxLate/(24*time.Hour))
	default:
		to = at.Add(-settled)
	}
	return span{to.AddDate(0, 0, -7), to}, nil
}

// id names what is published once.
func (r Request) id(requestID string) string {
	if r.ScheduledTime.IsZero() {
		return ledger.Requested(requestID)
	}
	return ledger.Scheduled(r.ScheduledTime)
}
