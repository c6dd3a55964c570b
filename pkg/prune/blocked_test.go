package prune_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// transacting is the wire to a DynamoDB in which somebody has transactions under way on the rows of some states all the
// time: it then refuses other writes of those rows (TransactionConflictException, 400).
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteItem.html#API_DeleteItem_Errors
type transacting struct {
	local.Wire
	rows    []string // their LockID
	deletes bool     // it refuses deletes alone, as when the transactions begin once our lock is there
	most    int64    // how many calls it refuses; 0: all
	refused atomic.Int64
}

func (c *transacting) Do(r *http.Request) (*http.Response, error) {
	deletes, puts := strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DeleteItem"), strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem")
	if !deletes && (!puts || c.deletes) {
		return c.Wire.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !slices.ContainsFunc(c.rows, func(row string) bool { return bytes.Contains(body, []byte(`"LockID":{"S":"`+row+`"}`)) }) {
		return c.Wire.Do(r)
	}
	if n := c.refused.Add(1); c.most > 0 && n > c.most {
		return c.Wire.Do(r)
	}
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"Transaction is ongoing for the item"}`)),
	}, nil
}

// Locks of ours on some states cannot be released, run after run, since somebody has transactions under way on their
// rows. A run that meets one takes no other lock. The next runs take the lock of no state in the folder that those states are in,
// and prune what is elsewhere; where they are in two prefixes it may be everybody's, and no lock is taken. Once it is over all are pruned.
func TestALockThatCannotBeReleasedKeepsItsOwnFolder(t *testing.T) {
	for name, tc := range map[string]struct {
		stuck, others []string
		blocked       bool // nothing is pruned any more from the next run on
	}{
		"a state":                  {[]string{"branches/a/1"}, []string{"branches/a/2", "branches/b/1", "env:/x/branches/1"}, false},
		"a state without a folder": {[]string{"branches/a-1"}, []string{"branches/a/2", "branches/b-1", "env:/x/branches/1"}, false},
		"a folder":                 {[]string{"branches/a/1", "branches/a/2", "branches/a/3", "branches/a/4"}, []string{"branches/b/1", "env:/x/branches/1"}, false},
		"folders of a folder":      {[]string{"branches/a/x/1", "branches/a/x/2", "branches/a/y/1", "branches/a/z/1"}, []string{"branches/b/1", "env:/x/branches/1"}, false},
		"workspaces":               {[]string{"env:/x/branches/1", "env:/y/branches/1", "env:/z/branches/1"}, []string{"branches/b/1"}, false},
		"two prefixes":             {[]string{"branches/a/1", "env:/x/branches/1"}, []string{"branches/b/1", "env:/y/branches/1"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			wire := &transacting{deletes: true}
			for _, key := range tc.stuck {
				w.stale(key, local.State(t, "destroyed"))
				wire.rows = append(wire.rows, string(w.Path(key)))
			}
			const runs, learnt = 5, 3 // each run may meet one more of them, until what they have in common is known
			var left [runs]int        // locks of ours after each run
			for run := range runs {
				report := w.goesWrong(wire, tc.others)
				if there := w.there(tc.others); run >= learnt && (tc.blocked && len(report.Pruned) > 0 || !tc.blocked && len(there) > 0) {
					t.Errorf("run %d: %q were not pruned, %d were; kept %+v", run, there, len(report.Pruned), report.Kept)
				}
				left[run] = w.lockObjects()
			}
			if left[0] == 0 || left[runs-1] != left[learnt-1] {
				t.Errorf("locks of ours after each run: %v", left)
			}
			w.later(time.Hour)
			if report := w.prune(); len(report.Kept) > 0 || len(w.held()) > 0 {
				t.Errorf("once it is over: %+v, held %q", report, w.held())
			}
			if there := w.there(append(tc.stuck, tc.others...)); len(there) > 0 {
				t.Errorf("once it is over %q are there", there)
			}
		})
	}
}

// A run that could not release one lock, whatever the cause, takes no other: here each lock is one that it cannot release.
func TestARunThatCannotReleaseALockTakesNoOther(t *testing.T) {
	w := newWorld(t)
	wire := &transacting{deletes: true}
	for i := range 12 {
		key := fmt.Sprintf("branches/%c/terraform.tfstate", 'a'+i)
		w.stale(key, local.State(t, "destroyed"))
		wire.rows = append(wire.rows, string(w.Path(key)))
	}
	for run := range 2 {
		if w.goesWrong(wire, nil); w.lockObjects() != run+1 {
			t.Errorf("%d locks of ours after run %d", w.lockObjects(), run+1)
		}
	}
}

// goesWrong is a run some of whose locks cannot be released. It meets more states.
func (w *world) goesWrong(wire *transacting, states []string) prune.Report {
	w.Helper()
	for _, key := range states {
		w.stale(key, local.State(w, "destroyed"))
	}
	report, err := w.prunerOver(wire).Run(w.Context(), prune.Request{}, fmt.Sprint("run at ", wire.refused.Load()))
	if err == nil || !strings.Contains(strings.Join(report.Errors, "\n"), "transactions under way on the row") {
		w.Errorf("%v, errors %q", err, report.Errors)
	}
	return report
}

// there are those of the states that are there.
func (w *world) there(keys []string) (there []string) {
	for _, key := range keys {
		if _, is := w.Content(key); is {
			there = append(there, key)
		}
	}
	return there
}

// Somebody has transactions under way on the row of a state before we come. Its lock is not taken, nobody waits for it, nothing of ours is left
// there, and no state is kept for it but that one.
func TestARowInTransactionsBeforeWeCome(t *testing.T) {
	w := newWorld(t)
	const mine, other = "branches/a/1", "branches/b/1"
	w.stale(mine, local.State(t, "destroyed"))
	w.stale(other, local.State(t, "destroyed"))
	for range 2 {
		wire := &transacting{rows: []string{string(w.Path(mine))}}
		report, err := w.prunerOver(wire).Run(t.Context(), prune.Request{}, "run")
		w.later(time.Hour)
		if err != nil || len(report.Errors) > 0 || len(report.Kept) != 1 || !strings.Contains(report.Kept[0].Why, "transactions under way on the row") || len(w.held()) > 0 || wire.refused.Load() != 1 {
			t.Errorf("%+v, %v; held %q after %d refusals", report, err, w.held(), wire.refused.Load())
		}
	}
	if _, there := w.Content(other); there || !w.Readable(mine) {
		t.Errorf("the other team's state is there: %v", there)
	}
}

// A transaction of somebody else meets the release of our lock, and ends. The release is tried again, and nobody hears of it.
func TestATransactionThatEnds(t *testing.T) {
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	wire := &transacting{rows: []string{string(w.Path(key))}, deletes: true, most: 2}
	cfg := server.Config()
	cfg.HTTPClient = wire
	report, err := w.pruner(cfg).Run(t.Context(), prune.Request{}, "run")
	if err != nil || len(report.Pruned) != 1 || len(report.Errors) > 0 || len(w.held()) > 0 || wire.refused.Load() < 3 {
		t.Errorf("%+v, %v; held %q after %d refusals", report, err, w.held(), wire.refused.Load())
	}
}

// One lock object of one team cannot be read, run after run, such as one under an external KMS key whose store does not
// answer. It is a lock, and nothing of ours is there: the state is kept, and those of others are pruned.
func TestALockObjectThatS3CannotGive(t *testing.T) {
	w := newWorld(t)
	const mine = "branches/a/terraform.tfstate"
	others := []string{"branches/b/1", "branches/c/1"}
	for _, key := range append(others, mine) {
		w.stale(key, local.State(t, "destroyed"))
	}
	w.Lock(mine, "0f6f9e2a-0000-4000-8000-00000000beef", w.Set.Buckets[0])
	cannot := answers{&local.Wire{}, func(r *http.Request) bool {
		return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, mine+".tflock")
	}, 503, "ServiceUnavailable"}
	for run := range 2 {
		report, err := w.prunerOver(cannot).Run(t.Context(), prune.Request{}, fmt.Sprint("run", run))
		if err != nil || len(report.Errors) > 0 || len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptLocked || !strings.Contains(report.Kept[0].Why, "ServiceUnavailable") {
			t.Errorf("run %d: %+v, %v", run, report, err)
		}
		for _, key := range others {
			if _, there := w.Content(key); there {
				t.Errorf("run %d: %s was not pruned", run, key)
			}
		}
	}
}
