package ledger_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// book is a ledger in a table of DynamoDB that is memory.
type book struct {
	notifications *ledger.Notifications
	history       *ledger.History
	world         *scale.World
}

func newBook(t testing.TB) *book {
	t.Helper()
	w := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	client := dynamodb.NewFromConfig(w.Online(t))
	return &book{ledger.NewNotifications(client, "ledger"), ledger.NewHistory(client, "ledger"), w}
}

// holding is one lock of a scan.
type holding struct {
	path, id  string
	operation string
	since     time.Time
	kinds     []tflock.Kind
	stuck     bool
	written   time.Duration // how long before the scan's end its object was written, by S3's clock; 0: it has none
}

func (h holding) observed() policy.Case {
	store := map[tflock.Kind]string{tflock.DynamoDB: table, tflock.S3: bucket}
	info := tflock.Info{ID: h.id, Operation: h.operation, Who: "ana@laptop", Created: h.since, Path: h.path}
	c := policy.Case{Lock: tflock.Lock{ID: h.id, Path: tflock.Path(h.path), Info: info}, Judgement: policy.Judgement{Verdict: policy.Fresh, Since: h.since}}
	for _, kind := range h.kinds {
		c.Holdings = append(c.Holdings, tflock.Holding{Kind: kind, Store: store[kind], Path: tflock.Path(h.path), Info: info})
	}
	if h.stuck {
		c.Verdict = policy.Stuck
	}
	c.Held, c.HeldAtLeast = h.written, h.written
	return c
}

// scan records one scan. die says that it ends before it returns its lease.
func (b *book) scan(t interface{ Fatal(...any) }, at time.Time, failures map[string]scan.Failure, die bool, held ...holding) {
	ctx := context.Background()
	observed := make([]policy.Case, len(held))
	for i, h := range held {
		observed[i] = h.observed()
	}
	found := &scan.Scan{Started: at, Ended: at.Add(time.Second), Watched: []string{table, bucket}, Failures: failures, Worst: observed}
	lease, err := b.notifications.Begin(ctx, at.String(), found, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := lease.Record(ctx, ledger.Compare(lease.Memory, found, rules)); err != nil {
		t.Fatal(err)
	}
	if die {
		return
	}
	_, next := ledger.CompareStores(lease.Memory, found, rules)
	if err := lease.End(ctx, next); err != nil {
		t.Fatal(err)
	}
}

func (b *book) past(t interface{ Fatal(...any) }) (all []ledger.Past) {
	for p, err := range b.history.Past(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

var (
	onlyTable  = []tflock.Kind{tflock.DynamoDB}
	onlyBucket = []tflock.Kind{tflock.S3}
	bothKinds  = []tflock.Kind{tflock.DynamoDB, tflock.S3}
)

func TestTheHistoryOfALock(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	at := func(scan int) time.Time { return now.Add(time.Duration(scan) * 5 * time.Minute) }
	lock := holding{path: "b/k", id: "x", operation: "OperationTypePlan", since: ago(time.Minute), kinds: onlyTable}
	b.scan(t, at(0), nil, false, lock)
	lock.stuck, lock.kinds = true, bothKinds
	b.scan(t, at(1), nil, false, lock)
	b.scan(t, at(2), nil, false, lock)
	if all := b.past(t); len(all) != 0 {
		t.Fatalf("a lock that is held has no past: %+v", all)
	}
	b.world.Reset()
	b.scan(t, at(3), nil, false)
	if calls := b.world.Calls(); calls["BatchWriteItem"] != 1 || calls["PutItem"] != 0 {
		t.Errorf("its end took %v", calls)
	}
	ended := func(scan int) time.Time { return at(scan).Add(time.Second) }
	want := []ledger.Past{{
		Path: "b/k", ID: "x", Operation: "OperationTypePlan", Who: "ana@laptop", HeldSince: ago(time.Minute),
		FirstSeen: ended(0), LastSeen: at(2), Ended: ended(3), StuckAt: ended(1), Resolved: true, Kinds: bothKinds, Settled: true,
	}}
	if diff := cmp.Diff(want, b.past(t)); diff != "" {
		t.Error(diff)
	}
	watch, err := b.notifications.Watch(t.Context())
	if err != nil || !watch.Since.Equal(at(0)) || !watch.Last.Equal(at(3)) || len(watch.Stores) != 2 {
		t.Errorf("%+v, %v", watch, err)
	}
}

func TestTheEndOfALockIsRecordedOnceThoughAScanDiesOverIt(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	lock := holding{path: "b/k", id: "x", since: now, kinds: onlyTable}
	b.scan(t, now, nil, false, lock)
	b.scan(t, now.Add(5*time.Minute), nil, true)
	// As if that scan had died before it could forget the lock.
	lease, err := b.notifications.Begin(t.Context(), "test", &scan.Scan{Started: now.Add(10 * time.Minute)}, now.Add(10*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	seen := ledger.Entry{FirstSeen: now.Add(time.Second), Kinds: onlyTable, Stores: []string{table}, Expires: now.Add(time.Hour)}
	if err := lease.Record(t.Context(), slices.Values([]ledger.Step{{Key: ledger.Key{Path: "b/k", ID: "x"}, Entry: seen}})); err != nil {
		t.Fatal(err)
	}
	b.scan(t, now.Add(15*time.Minute), nil, false)
	all := b.past(t)
	if len(all) != 1 || !all[0].Ended.Equal(now.Add(15*time.Minute+time.Second)) || all[0].Resolved || all[0].Settled {
		t.Errorf("%+v", all)
	}
}

func TestALockOfAStoreThatIsNotWatchedAnyMoreHasNotEnded(t *testing.T) {
	t.Parallel()
	entries := map[ledger.Key]ledger.Entry{{Path: "b/k", ID: "x"}: {FirstSeen: now, Stores: []string{table}}}
	found := &scan.Scan{Started: now, Ended: now, Watched: []string{bucket}}
	for step := range ledger.Compare(ledger.Memory{Locks: entries}, found, rules) {
		if step.Change != ledger.Forget || step.Past != nil {
			t.Errorf("%+v", step)
		}
	}
}

// anyPath is a state.
func anyPath(tflock.Path) bool { return true }

func TestHowAStateIsLockedIsKnownOfSettledLocksOnly(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	at := now
	// lives has a lock seen by so many scans, then gone.
	lives := func(scans int, failures map[string]scan.Failure, kinds ...tflock.Kind) {
		h := holding{path: "b/k", id: at.String(), since: at, kinds: kinds}
		for range scans {
			b.scan(t, at, failures, false, h)
			at = at.Add(5 * time.Minute)
		}
		b.scan(t, at, nil, false)
		at = at.Add(5 * time.Minute)
	}
	lives(2, nil, tflock.DynamoDB)
	lives(3, nil, tflock.DynamoDB)
	lives(1, nil, tflock.S3)                  // one glimpse, perhaps between the two halves
	lives(2, denied(bucket), tflock.DynamoDB) // its other half may be where nothing could be read
	lives(2, nil, tflock.S3)
	lives(2, nil, bothKinds...)
	lives(2, nil, tflock.DynamoDB)
	all, _, err := b.history.Locking(t.Context(), anyPath)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, use := range all["b/k"] {
		got = append(got, fmt.Sprintf("%s %d", use.Locking, use.Locks))
	}
	if want := []string{"table 2", "lockfile 1", "both 1", "table 1"}; !slices.Equal(got, want) || len(all) != 1 {
		t.Errorf("%v, want %v", got, want)
	}
}

// Applies of 90 seconds are seen by one scan each, which comes every five minutes. A lock object that is
// alone a minute after it was written has no row; of a row nobody can know, nor of an object
// that was just written, or whose table could not be read.
func TestALockThatOneScanSawIsSettledWhereItsObjectWasAloneForLong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lock     holding
		failures map[string]scan.Failure
		before   bool // a scan reads everything before the lock is taken
		want     bool
	}{
		"an object that is 80 seconds old":                                {holding{kinds: onlyBucket, written: 80 * time.Second}, nil, true, true},
		"the same in the very first scan":                                 {holding{kinds: onlyBucket, written: 80 * time.Second}, nil, false, true},
		"an object that is as old as the client needs for the other half": {holding{kinds: onlyBucket, written: 59 * time.Second}, nil, true, false},
		"a row": {holding{kinds: onlyTable, written: 80 * time.Second}, nil, true, false},
		"an object of which nobody knows its age": {holding{kinds: onlyBucket}, nil, true, false},
		"a table that could not be read":          {holding{kinds: onlyBucket, written: 80 * time.Second}, denied(table), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t)
			at := now
			if tc.before {
				b.scan(t, at, nil, false)
			}
			at = at.Add(5 * time.Minute)
			tc.lock.path, tc.lock.id, tc.lock.since = "b/k", "x", at.Add(time.Second-tc.lock.written)
			b.scan(t, at, tc.failures, false, tc.lock)
			b.scan(t, at.Add(5*time.Minute), nil, false)
			all, _, err := b.history.Locking(t.Context(), anyPath)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(all["b/k"]) == 1 && all["b/k"][0].Locking == policy.ByLockfile; got != tc.want {
				t.Errorf("%+v", all)
			}
		})
	}
}

// Whatever is locked when, and whichever scans die before they return the lease: the
// history has each lock that a scan saw and a later one did not, once, with the times of
// those scans.
func TestTheHistoryIsWhatTheScansSaw(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		b := newBook(t)
		want := map[string]ledger.Past{}
		type life struct {
			holding
			first, last, stuck time.Time
		}
		alive := map[string]*life{}
		number := 0
		for i := range rapid.IntRange(1, 25).Draw(r, "scans") {
			at := now.Add(time.Duration(i) * 5 * time.Minute)
			ended := at.Add(time.Second)
			for range rapid.IntRange(0, 2).Draw(r, "taken") {
				number++
				path := fmt.Sprintf("b/%d", rapid.IntRange(0, 3).Draw(r, "path"))
				alive[fmt.Sprint(number)] = &life{holding: holding{
					path: path, id: fmt.Sprint(number), since: at.Add(-time.Minute), kinds: rapid.SampledFrom([][]tflock.Kind{onlyTable, onlyBucket, bothKinds}).Draw(r, "kinds"),
				}}
			}
			die := rapid.IntRange(0, 5).Draw(r, "dies") == 0
			for _, id := range slices.Sorted(maps.Keys(alive)) {
				l := alive[id]
				if !l.first.IsZero() && rapid.IntRange(0, 2).Draw(r, "released") == 0 {
					want[id] = ledger.Past{
						Path: tflock.Path(l.path), ID: id, Who: "ana@laptop", HeldSince: l.since, FirstSeen: l.first, LastSeen: l.last, Ended: ended,
						StuckAt: l.stuck, Resolved: !l.stuck.IsZero(), Kinds: l.kinds, Settled: !l.last.IsZero(),
					}
					delete(alive, id)
					continue
				}
				if l.first.IsZero() {
					l.first = ended
				} else if !die { // a scan that died did not say what it had read
					l.last = at
				}
				if l.stuck.IsZero() && rapid.IntRange(0, 3).Draw(r, "stuck") == 0 {
					l.stuck, l.holding.stuck = ended, true
				}
			}
			held := make([]holding, 0, len(alive))
			for _, id := range slices.Sorted(maps.Keys(alive)) {
				held = append(held, alive[id].holding)
			}
			b.scan(r, at, nil, die, held...)
		}
		got := map[string]ledger.Past{}
		for _, p := range b.past(r) {
			if _, twice := got[p.ID]; twice {
				r.Fatalf("twice: %+v", p)
			}
			got[p.ID] = p
		}
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatal(diff)
		}
	})
}
