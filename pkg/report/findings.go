package report

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Findings opens what the last inventory found, a policy.StateFinding in JSON each line, and
// says when it was written. It fails with backend.ErrGone where no inventory has run.
type Findings func(ctx context.Context) (body io.ReadCloser, written time.Time, err error)

// findings counts what is wrong with states as of the last inventory, less what only
// happened to them; nil where none ran in the week.
func (r *Reporter) findings(ctx context.Context, s span) (*int, *alert.FindingCounts) {
	counts, err := r.countFindings(ctx, s)
	if err != nil {
		r.Log.WarnContext(ctx, "open findings are not known, so the report leaves them out", "error", err)
		return nil, nil
	}
	if counts == nil {
		return nil, nil
	}
	open := counts.Critical + counts.Warning + counts.Info
	return &open, counts
}

func (r *Reporter) countFindings(ctx context.Context, s span) (*alert.FindingCounts, error) {
	body, written, err := r.Findings(ctx)
	if errors.Is(err, backend.ErrGone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // nothing is lost with a body that was read
	if written.Before(s.from) {
		return nil, nil // the inventory stands still
	}
	var counts alert.FindingCounts
	for lines := json.NewDecoder(body); ; {
		var finding struct {
			Type     policy.Problem `json:"type"`
			Severity string         `json:"severity"`
		}
		switch err := lines.Decode(&finding); {
		case errors.Is(err, io.EOF):
			return &counts, nil
		case err != nil:
			return nil, err
		case finding.Type.Occurs():
		default:
			counts.Add(finding.Severity)
		}
	}
}
