package report_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
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
	const past, stuck = 40_000, 3_000 // more stuck locks than are looked up
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
	for i := range stuck {
		path := fmt.Sprintf("states/team-%d/terraform.tfstate", i%500)
		w.deliver(event{path: path, etag: fmt.Sprintf("etag-%d", i), session: "run", at: monday.Add(-time.Duration(i) * time.Minute)})
	}
	w.fake.Reset()
	w.now = monday.Add(time.Hour)
	week := w.week(report.Request{}, "a")
	if *week.Locks.Stuck != stuck || week.Locks.Released != stuck {
		t.Errorf("%+v", week.Locks)
	}
	calls := w.fake.Calls()
	const lookups, kinds = 1000, 6
	if most := bytes/1e6 + kinds + lookups + 2; calls["Query"] > most || calls["Query"] < lookups {
		t.Errorf("%d queries, of at most %d", calls["Query"], most)
	}
	for call, most := range map[string]int{"GetItem": 1, "BatchGetItem": lookups / 100, "PutItem": 2} {
		if calls[call] > most {
			t.Errorf("%d %s, of at most %d", calls[call], call, most)
		}
	}
	for call, n := range calls {
		switch call {
		case "Query", "GetItem", "BatchGetItem", "PutItem":
		default:
			t.Errorf("%d %s", n, call)
		}
	}
}
