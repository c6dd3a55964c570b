package monitor

import (
	"errors"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/metric"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
)

// Report is the function's answer: the current locks, worst first. Where it has no room for all, the
// worst one of each top-level prefix comes before the others.
type Report struct {
	ScannedAt     time.Time            `json:"scanned_at"`
	Complete      bool                 `json:"complete"` // every store was read to its end
	Held          int                  `json:"held"`     // locks with an ID, stuck ones included
	Stuck         int                  `json:"stuck"`
	Unreadable    int                  `json:"unreadable"`
	OldestSeconds int64                `json:"oldest_seconds"` // age of the oldest lock with an ID
	Locks         []policy.Description `json:"locks"`
	Omitted       int                  `json:"omitted,omitempty"`  // locks that the list has no room for
	Errors        []string             `json:"errors"`             // a store that could not be read each
	Warnings      []string             `json:"warnings,omitempty"` // a store each whose locks cannot be relied on, or of which that is not known
}

// An answer of a Lambda has at most 6 MB. The list is cut by number, and by size for
// the case that hostile holders filled every field.
const (
	maxListed = 1000
	maxBytes  = 4 << 20
)

func newReport(found *scan.Scan) Report {
	figures := found.Figures
	r := Report{
		ScannedAt: found.Started.UTC(), Complete: found.Complete(),
		Held: figures.Held, Stuck: figures.Stuck, Unreadable: figures.Unreadable, OldestSeconds: int64(figures.Oldest / time.Second),
		Locks: []policy.Description{}, Errors: found.Errors(), Warnings: found.Warnings(),
	}
	r.Locks = listed(found.Worst)
	r.Omitted = found.Len() - len(r.Locks)
	return r
}

// listed describes locks, as many as the answer has room for.
func listed(worst []policy.Case) []policy.Description {
	descriptions, size := make([]policy.Description, len(worst)), 0
	chosen := alert.NewSelection[policy.Description](len(worst))
	for i, c := range worst {
		descriptions[i] = c.Describe()
		size += sizeOf(descriptions[i])
		chosen.Add(descriptions[i].Path, descriptions[i])
	}
	if size <= maxBytes {
		return descriptions
	}
	size = 0
	for i, f := range chosen.Items() {
		if size += sizeOf(f); size > maxBytes {
			return chosen.Items()[:i]
		}
	}
	return chosen.Items()
}

// failure is the error of the stores that could not be read. That folders have too many locks is none: whoever fills one would keep the alarm of
// a monitor that fails red, so that it does not ring when nobody can be notified.
func failure(found *scan.Scan) error {
	var errs []error
	for _, arn := range slices.Concat(found.Watched, found.Patterns) {
		if failed, isFailed := found.Failures[arn]; isFailed && (!found.Crowds(arn) || found.Withholds(arn)) {
			errs = append(errs, errors.New(failed.Problem))
		}
	}
	return errors.Join(errs...)
}

// sizeOf bounds a description's JSON from above: no byte of a text takes more than six.
func sizeOf(d policy.Description) int {
	size := 512 + 6*(len(d.ID)+len(d.Path)+len(d.Operation)+len(d.Who)+len(d.Version))
	for _, reason := range d.Evidence.Reasons {
		size += 6 * len(reason)
	}
	return size
}

// figuresOf are the figures of what was read, and of what the stores held that cannot be
// read now: their failure is no all-clear.
func figuresOf(found *scan.Scan, memory ledger.Memory, resolved []time.Duration) metric.Scan {
	all := found.Figures.And(memory.Carried(found))
	return metric.Scan{
		Held: all.Held, Stuck: all.Stuck, Unreadable: all.Unreadable, Errors: len(found.Errors()),
		Oldest: all.Oldest.Truncate(time.Second), Resolved: resolved,
	}
}
