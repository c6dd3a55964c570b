package monitor

import (
	"context"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// witnesses know who took and who removed lock objects, from S3's own events. They only
// add evidence: whatever fails of them is logged, and the scan goes on.
type witnesses interface {
	AddTo(ctx context.Context, cases []policy.Case) (map[ledger.Object]ledger.Witnessed, error)
	Renew(ctx context.Context, held map[ledger.Object]ledger.Witnessed, now time.Time) error
	EndOf(ctx context.Context, path tflock.Path, e ledger.Entry) (*policy.Witness, *policy.Removal, error)
}

// witnessTime bounds what the witnesses take of an invocation's time.
const witnessTime = 5 * time.Second

// witness adds who took the locks that people may be shown, and keeps those records.
func (m *Monitor) witness(ctx context.Context, b budget, found *scan.Scan) {
	if m.Witnesses == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, min(witnessTime, b.look))
	defer cancel()
	held, err := m.Witnesses.AddTo(ctx, found.Worst)
	if err == nil {
		err = m.Witnesses.Renew(ctx, held, found.Ended)
	}
	if err != nil {
		m.Log.WarnContext(ctx, "who took some locks is not known", "error", err)
	}
}

// witnessed says who took and who removed a resolved lock: nil where that is not known, or where
// it is another change.
func (n *notifier) witnessed(ctx context.Context, step ledger.Step) (*policy.Witness, *policy.Removal) {
	if n.witnesses == nil || step.Change != ledger.Resolved || step.Entry.ETag == "" {
		return nil, nil
	}
	witness, removal, err := n.witnesses.EndOf(ctx, step.Key.Path, step.Entry)
	if removal != nil && (step.Past == nil || !step.Past.EndedAt(removal.RemovedAt)) {
		removal = nil // it is that of another object, or of one that a row outlived
	}
	if err != nil {
		n.log.WarnContext(ctx, "who removed a lock is not known", "path", step.Key.Path, "error", err)
	}
	return witness, removal
}
