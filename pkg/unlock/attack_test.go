package unlock_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A row that was taken after the last scan is young, whatever its object says: with a
// thousand watched stores, whose memory is compressed, as with two.
func TestWithManyStoresARowTakenAfterTheScanIsYoung(t *testing.T) {
	w := newWorld(t)
	w.lock("k", victim, w.set.Buckets[0])
	w.scan()
	now := time.Now()
	lease, err := w.memory().Begin(t.Context(), "test", &scan.Scan{Started: now}, now)
	if err != nil {
		t.Fatal(err)
	}
	stores := lease.Memory.Stores
	for _, s := range w.set.All() { // read a moment ago, in the clock of the call
		stores[s.ARN()] = ledger.Store{LastRead: now.Add(w.ahead - time.Minute)}
	}
	for i := range 1000 {
		stores[fmt.Sprintf("arn:aws:dynamodb:eu-central-1:123456789012:table/locks-of-team-%d", i)] = ledger.Store{LastRead: now}
	}
	if err := lease.End(t.Context(), stores); err != nil {
		t.Fatal(err)
	}
	w.lock("k", victim, w.set.Tables[0]) // its client waited for the row until now
	if a, err := w.run(&local.Wire{}, request(w, victim, "")); err != nil || a.Outcome != unlock.Refused {
		t.Errorf("got %+v, %v", a, err)
	}
}

// Whoever takes a lock chooses its ID. Text that shows another team's ID on a path of its
// own (an alert, a client's error) must not become the release of that team's lock once
// the forged one is gone.
func TestTextOfAForgedLockThatIsGoneReleasesNoOther(t *testing.T) {
	w := newWorld(t)
	w.lock("production/terraform.tfstate", victim, w.set.All()...)
	w.scan()
	forged := w.Path("team-a/terraform.tfstate")
	for name, text := range map[string]string{
		"a client's error":       string("Error: Error acquiring the state lock\n\nLock Info:\n  ID:        " + victim + "\n  Path:      " + forged + "\n  Operation: OperationTypeApply\n  Who:       me@host\n"),
		"our mail":               string("State:      " + forged + "\nHeld by:    me@host\nLock ID:    " + victim + "\n"),
		"a text with two paths":  string("State:      " + forged + "\nLock ID:    " + victim + "\n\nLock Info:\n  ID:        " + victim + "\n  Path:      " + w.Path("production/terraform.tfstate") + "\n"),
		"a text with two others": string("Lock Info:\n  ID:        " + victim + "\n  Path:      " + forged + "\n\nLock Info:\n  ID:        " + victim + "\n  Path:      " + w.Path("team-b/x") + "\n"),
		"our command":            string(`aws lambda invoke --function-name unlock --payload '{"lock_id":"` + victim + `","path":"` + forged + `","reason":"stuck"}' /dev/stdout`),
	} {
		for _, more := range []string{"", `,"force":true`} {
			a, err := w.run(&local.Wire{}, request(w, text, more))
			if err != nil || a.Outcome != unlock.Ambiguous || len(w.held()) != 1 {
				t.Errorf("%s%s: %+v, %v", name, more, a, err)
			}
			if want := `Choice: {"path":"` + w.Path("production/terraform.tfstate") + `"`; !slices.ContainsFunc(a.NextSteps, func(s string) bool { return strings.HasPrefix(s, string(want)) }) {
				t.Errorf("%s%s: the choice is missing: %q", name, more, a.NextSteps)
			}
		}
	}
}

// The lock in a copied bucket says the path of the original, and so does the client's error.
func TestTextOfALockInACopiedBucket(t *testing.T) {
	w := newWorld(t)
	original := w.Path("k")
	raw, err := tflock.Info{ID: victim, Operation: "OperationTypeApply", Who: "me@host", Created: time.Now(), Path: string(original)}.Marshal()
	if err == nil {
		_, err = w.set.Buckets[0].Acquire(t.Context(), w.Path("copy/k"), raw)
	}
	if err != nil {
		t.Fatal(err)
	}
	text := "Lock Info:\n  ID:        " + victim + "\n  Path:      " + original + "\n  Operation: OperationTypeApply\n"
	if a, err := w.run(&local.Wire{}, request(w, string(text), "")); err != nil || a.Outcome != unlock.Released {
		t.Errorf("got %+v, %v", a, err)
	}
}
