package report

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

type scans interface {
	Watch(ctx context.Context) (ledger.Watch, error)
	Current(ctx context.Context) iter.Seq2[ledger.Current, error]
}

type history interface {
	Past(ctx context.Context) iter.Seq2[ledger.Past, error]
}

type releases interface {
	Since(ctx context.Context, from time.Time) iter.Seq2[ledger.Recorded, error]
}

type prunes interface {
	Runs(ctx context.Context) ([]ledger.PruneRun, error)
}

type reports interface {
	Read(ctx context.Context, id string) (published json.RawMessage, err error)
	Claim(ctx context.Context, id, owner string, now, until time.Time) (published json.RawMessage, err error)
	Published(ctx context.Context, id string, report json.RawMessage, at time.Time) error
}

type plans interface {
	PlannedReleases(ctx context.Context) iter.Seq2[ledger.PlannedRelease, error]
}

type attempts interface {
	Refused(ctx context.Context, tables []string, from, to time.Time) (int64, error)
}

type publisher interface {
	Publish(ctx context.Context, e alert.Event) error
}

// Reporter is what a report depends on.
type Reporter struct {
	Scans     scans
	ScanEvery time.Duration // from one scan to the next
	History   history
	Releases  releases
	Witnesses witnesses // nil: who removed a lock is not known
	Plans     plans
	AutoMode  policy.AutoMode // empty: automatic release is off
	Prunes    prunes
	Reports   reports
	Findings  Findings
	Attempts  attempts
	Composer  alert.Composer
	Topic     publisher
	Now       func() time.Time
	Log       *slog.Logger
}

const (
	// claimTime is how long one invocation may take to publish. After that another one may.
	claimTime = 30 * time.Second
	// claimWait is how long an invocation waits before it asks again for a claim.
	claimWait = time.Second
)

// Run reports the week of a request, and publishes the report unless it was published
// already: for its scheduled time, or else for the ID of the request. Then it gives that
// report again. An error means that a repeat is needed.
func (r *Reporter) Run(ctx context.Context, request Request, requestID string) (alert.Week, error) {
	id := request.id(requestID)
	s, err := request.week(r.Now())
	if err != nil {
		return alert.Week{}, err
	}
	published, err := r.Reports.Read(ctx, id) // before all of the ledger is read for nothing
	if err != nil {
		return alert.Week{}, fmt.Errorf("nothing was reported: %w", err)
	}
	if week, ok := r.decoded(ctx, id, published); ok {
		return week, nil
	}
	week, err := r.figures(ctx, s)
	if err != nil {
		return alert.Week{}, fmt.Errorf("nothing was reported: %w", err)
	}
	published, until, err := r.claim(ctx, id)
	if err != nil {
		return alert.Week{}, fmt.Errorf("nothing was reported: %w", err)
	}
	if published == nil {
		return week, r.publish(ctx, id, week, until)
	}
	if earlier, ok := r.decoded(ctx, id, published); ok {
		return earlier, nil
	}
	return week, nil
}

// claim waits until this invocation may publish, or another one has.
func (r *Reporter) claim(ctx context.Context, id string) (published json.RawMessage, until time.Time, err error) {
	owner := rand.Text()
	for {
		now := r.Now()
		until = now.Add(claimTime)
		if published, err = r.Reports.Claim(ctx, id, owner, now, until); !errors.Is(err, ledger.ErrClaimed) {
			return published, until, err
		}
		select {
		case <-ctx.Done():
			return nil, until, err
		case <-time.After(claimWait):
		}
	}
}

// decoded is a report that was published already. One that cannot be read is made again.
func (r *Reporter) decoded(ctx context.Context, id string, published json.RawMessage) (alert.Week, bool) {
	var week alert.Week
	if published == nil || json.Unmarshal(published, &week) != nil {
		return alert.Week{}, false
	}
	r.Log.InfoContext(ctx, "this report is published already", "report", id)
	return week, true
}

func (r *Reporter) publish(ctx context.Context, id string, week alert.Week, until time.Time) error {
	body, err := json.Marshal(week)
	if err != nil {
		return fmt.Errorf("the report as JSON: %w", err)
	}
	limited, cancel := context.WithTimeout(ctx, until.Sub(r.Now()))
	defer cancel()
	if err := r.Topic.Publish(limited, r.Composer.Weekly(week, r.Now())); err != nil {
		return err
	}
	return r.Reports.Published(ctx, id, body, r.Now())
}
