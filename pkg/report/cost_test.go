package report_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/report"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// What a report costs grows with the megabytes of the ledger, and is bounded where a lock
// takes a call of its own.
func TestTheCallsOfAReportOfABigAccount(t *testing.T) {
	t.Parallel()
	w := alone(t)
	w.scan(pass{at: monday.AddDate(0, 0, -8)})
	w.scan(pass{at: monday})
	const past, stuck = 12_000, 3_000 // more stuck locks than are looked up
	rows := w.fake.Tables["ledger"]
	bytes := 0
	put := func(item scale.Item) {
		rows.Put(item)
		for name, value := range item {
			bytes += len(name) + len(value["S"])
		}
	}
	for i := range past {
		taken := monday.Add(-time.Duration(i%9000) * time.Minute)
		p := ledger.Past{Operation: "OperationTypeApply", Who: "runner@ci", HeldSince: taken.Add(-time.Hour), FirstSeen: taken.Add(-time.Hour), Ended: taken, Kinds: []tflock.Kind{tflock.S3}, ETag: fmt.Sprintf(`"etag-%d"`, i)}
		if i < stuck {
			p.StuckAt, p.Resolved = p.FirstSeen, true
		}
		body, err := json.Marshal(p)
		w.check(err)
		put(scale.Item{"kind": {"S": "past"}, "id": {"S": strconv.Itoa(i)}, "path": {"S": fmt.Sprintf("states/team-%d/terraform.tfstate", i%500)}, "lock_id": {"S": strconv.Itoa(i)}, "body": {"S": string(body)}})
	}
	w.fake.Reset()
	w.now = monday.Add(time.Hour)
	reporter, seen := w.reporter(), &counting{}
	reporter.Witnesses = seen
	week, err := reporter.Run(t.Context(), report.Request{}, "a")
	w.check(err)
	if *week.Locks.Stuck != stuck || week.Locks.Released != stuck {
		t.Errorf("%+v", week.Locks)
	}
	calls := w.fake.Calls()
	const kinds = 5 // lock, past, released, planned, prune-run
	for call, n := range calls {
		if most := map[string]int{"Query": bytes/1e6 + kinds + 1, "GetItem": 2, "PutItem": 2}[call]; n > most {
			t.Errorf("%d %s, of at most %d", n, call, most)
		}
	}
	if seen.finds != 1 || seen.objects != 1000 || seen.removals != 1000 {
		t.Errorf("%+v", seen)
	}
}

// counting are witnesses of everything that count their calls.
type counting struct{ finds, objects, removals int }

func (c *counting) Find(_ context.Context, objects ...ledger.Object) (map[ledger.Object]ledger.Witnessed, error) {
	c.finds++
	c.objects += len(objects)
	all := map[ledger.Object]ledger.Witnessed{}
	for _, o := range objects {
		all[o] = ledger.Witnessed{}
	}
	return all, nil
}

func (c *counting) Removal(context.Context, ledger.Witnessed) (policy.Removal, bool, error) {
	c.removals++
	return policy.Removal{}, true, nil
}
