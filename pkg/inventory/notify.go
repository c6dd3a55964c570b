package inventory

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// notify notifies people of what is new and of what is gone, and notes that in the memory.
// What could not be sent is sent by the next run.
func (r *run) notify(ctx context.Context) {
	r.send(ctx, alert.StateFinding, func(rec record) bool { return !rec.Notified && !rec.Gone }, func(rec *record) { rec.Notified, rec.NotifiedAs = true, rec.Finding.Severity })
	r.send(ctx, alert.StateFindingResolved, func(rec record) bool { return rec.Gone }, func(rec *record) { rec.Notified = false })
	r.memory.records = slices.DeleteFunc(r.memory.records, func(rec record) bool { return rec.Gone && !rec.Notified })
}

// send publishes one event of each record, or one of all where there are many, and marks
// those that are out.
func (r *run) send(ctx context.Context, t alert.Type, due func(record) bool, sent func(*record)) {
	var which []*record
	for n := range r.memory.records {
		if rec := &r.memory.records[n]; due(*rec) {
			which = append(which, rec)
		}
	}
	if len(which) > alert.SummaryAbove {
		r.publish(ctx, t, which, sent)
		return
	}
	for _, rec := range which {
		r.publish(ctx, t, []*record{rec}, sent)
	}
}

func (r *run) publish(ctx context.Context, t alert.Type, which []*record, sent func(*record)) {
	findings := make([]policy.StateFinding, len(which))
	for n, rec := range which {
		findings[n] = rec.Finding
	}
	policy.SortFindings(findings)
	if err := r.Topic.Publish(ctx, r.Composer.StateFindings(t, findings, r.started)); err != nil {
		r.fail(fmt.Errorf("people could not be notified of findings: %w", err))
		return
	}
	for _, rec := range which {
		sent(rec)
	}
}
