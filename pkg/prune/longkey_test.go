package prune_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// A key whose lock object would have a name that S3 does not take cannot be locked by its object: it is kept, with the reason.
func TestAKeyThatIsTooLongForALockIsKept(t *testing.T) {
	w := newWorld(t)
	long := "branches/" + strings.Repeat("k", 1_010)
	w.stale(long, local.State(t, "destroyed"))
	report := w.prune()
	if len(report.Pruned) != 0 || len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptLocked || !strings.Contains(report.Kept[0].Why, "1,024 bytes") || len(w.held()) != 0 || !w.Readable(long) {
		t.Errorf("%+v, held %v", report, w.held())
	}
}
