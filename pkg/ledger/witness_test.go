package ledger_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// ledgerOf is an empty ledger in memory.
func ledgerOf(t *testing.T) (*scale.World, *ledger.Witnesses) {
	t.Helper()
	world := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	return world, ledger.NewWitnesses(clientOf(world), "ledger")
}

// clientOf calls that AWS without a connection.
func clientOf(world *scale.World) *dynamodb.Client {
	return dynamodb.NewFromConfig(scale.Config(scale.Direct{World: world}))
}

type failer interface{ Fatal(args ...any) }

const wpath = "states/a/b.tfstate"

func at(n int) time.Time { return now.Add(time.Duration(n) * time.Second) }

func sequence(t failer, n int) ledger.Sequence {
	s, err := ledger.ParseSequence(fmt.Sprintf("0055AED6DCD9%04X", n))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// created and removed are the n-th event of a path, by a session of that name.
func created(t failer, n int, etag string) ledger.ObjectEvent {
	session := fmt.Sprintf("took-%d", n)
	return ledger.ObjectEvent{
		Path: wpath, Sequence: sequence(t, n), ETag: etag, Version: fmt.Sprintf("v%d", n), LockID: "id-" + etag,
		Actor: ledger.Actor{Principal: "AWS:AROAX:" + session, Session: session, SourceIP: "192.0.2.1", At: at(n)},
	}
}

func removed(t failer, n int, version string) ledger.ObjectEvent {
	session := fmt.Sprintf("removed-%d", n)
	return ledger.ObjectEvent{
		Path: wpath, Sequence: sequence(t, n), Removed: true, Version: version,
		Actor: ledger.Actor{Principal: "AWS:AROAX:" + session, Session: session, At: at(n)},
	}
}

// story is what the records say of a lock object: who took it, then who removed it.
func story(ctx context.Context, t failer, w *ledger.Witnesses, path tflock.Path, etag string) string {
	found, err := w.Find(ctx, ledger.Object{Path: path, ETag: etag})
	if err != nil {
		t.Fatal(err)
	}
	record, known := found[ledger.Object{Path: path, ETag: strings.Trim(etag, `"`)}]
	if !known {
		return "nobody"
	}
	removal, known, err := w.Removal(ctx, record)
	if err != nil {
		t.Fatal(err)
	}
	if !known {
		return record.Session
	}
	return record.Session + " " + removal.Session
}

func TestWhoTookAndWhoRemovedALock(t *testing.T) {
	for name, tc := range map[string]struct {
		events []ledger.ObjectEvent
		want   map[string]string // by ETag
	}{
		"a lock that is held":                             {[]ledger.ObjectEvent{created(t, 1, "A")}, map[string]string{"A": "took-1", "B": "nobody"}},
		"a lock that was removed":                         {[]ledger.ObjectEvent{created(t, 1, "A"), removed(t, 2, "")}, map[string]string{"A": "took-1 removed-2"}},
		"its removal came first":                          {[]ledger.ObjectEvent{removed(t, 2, ""), created(t, 1, "A")}, map[string]string{"A": "took-1 removed-2"}},
		"a removal without a creation":                    {[]ledger.ObjectEvent{removed(t, 2, "")}, map[string]string{"A": "nobody"}},
		"a removal before it is another lock's":           {[]ledger.ObjectEvent{removed(t, 1, ""), created(t, 2, "A")}, map[string]string{"A": "took-2"}},
		"one after another, each with its own":            {[]ledger.ObjectEvent{created(t, 1, "A"), removed(t, 2, ""), created(t, 3, "B"), removed(t, 4, "")}, map[string]string{"A": "took-1 removed-2", "B": "took-3 removed-4"}},
		"another creation is between":                     {[]ledger.ObjectEvent{created(t, 1, "A"), created(t, 2, "B"), removed(t, 3, "")}, map[string]string{"A": "took-1", "B": "took-2 removed-3"}},
		"it was removed twice, and the first time counts": {[]ledger.ObjectEvent{created(t, 1, "A"), removed(t, 3, ""), removed(t, 2, "")}, map[string]string{"A": "took-1 removed-2"}},
		"a waiting client takes the same object again":    {[]ledger.ObjectEvent{created(t, 1, "A"), removed(t, 2, ""), created(t, 3, "A")}, map[string]string{"A": "took-3"}},
		"and its earlier attempt is reported last":        {[]ledger.ObjectEvent{created(t, 3, "A"), removed(t, 2, ""), created(t, 1, "A")}, map[string]string{"A": "took-3"}},
		"another lock's version was deleted permanently":  {[]ledger.ObjectEvent{created(t, 1, "A"), removed(t, 2, "v0")}, map[string]string{"A": "took-1"}},
		"its own version was deleted permanently":         {[]ledger.ObjectEvent{created(t, 1, "A"), removed(t, 2, "v1")}, map[string]string{"A": "took-1 removed-2"}},
		"old versions were deleted before it was removed": {[]ledger.ObjectEvent{created(t, 1, "A"), removed(t, 2, "v0"), removed(t, 3, "v-1"), removed(t, 4, "")}, map[string]string{"A": "took-1 removed-4"}},
		"the ETag is quoted by S3, and not by its events": {[]ledger.ObjectEvent{created(t, 1, "A")}, map[string]string{`"A"`: "took-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, w := ledgerOf(t)
			for _, e := range tc.events {
				if err := w.Record(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
			for etag, want := range tc.want {
				if got := story(t.Context(), t, w, wpath, etag); got != want {
					t.Errorf("%s: %s, want %s", etag, got, want)
				}
			}
			if got := story(t.Context(), t, w, wpath+"2", "A"); got != "nobody" {
				t.Errorf("on another path: %s", got)
			}
		})
	}
}

func TestRecordsEndAfter35DaysUnlessTheLockIsHeld(t *testing.T) {
	world, w := ledgerOf(t)
	event := created(t, 1, "A")
	if err := w.Record(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	object := ledger.Object{Path: wpath, ETag: "A"}
	expires := func() time.Time {
		t.Helper()
		found, err := w.Find(t.Context(), object)
		if err != nil {
			t.Fatal(err)
		}
		return found[object].Expires
	}
	end := event.At.Add(35 * 24 * time.Hour).Truncate(time.Second)
	if got := expires(); !got.Equal(end) {
		t.Fatalf("it ends at %s, want %s", got, end)
	}
	held := func() map[ledger.Object]ledger.Witnessed {
		found, err := w.Find(t.Context(), object)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	world.Reset()
	if err := w.Renew(t.Context(), held(), event.At.Add(24*time.Hour)); err != nil || world.Calls()["UpdateItem"] != 0 {
		t.Errorf("a young record was renewed: %v, %v", world.Calls(), err)
	}
	later := event.At.Add(34 * 24 * time.Hour)
	if err := w.Renew(t.Context(), held(), later); err != nil {
		t.Fatal(err)
	}
	if got, want := expires(), later.Add(35*24*time.Hour).Truncate(time.Second); !got.Equal(want) {
		t.Errorf("renewed, it ends at %s, want %s", got, want)
	}
	if got := story(t.Context(), t, w, wpath, "A"); got != "took-1" {
		t.Errorf("renewed, it says %s", got)
	}
	gone := ledger.Object{Path: wpath, ETag: "gone"}
	if err := w.Renew(t.Context(), map[ledger.Object]ledger.Witnessed{gone: {}}, later); err != nil || story(t.Context(), t, w, wpath, "gone") != "nobody" {
		t.Errorf("what DynamoDB deleted came back: %v", err)
	}
}

func TestManyRecordsTakeOneCallForEachHundred(t *testing.T) {
	world, w := ledgerOf(t)
	world.ReadAtOnce = 60 // DynamoDB returns the rest
	objects := make([]ledger.Object, 250)
	for i := range objects {
		e := created(t, i, fmt.Sprintf("E%d", i))
		e.Path = tflock.Path(fmt.Sprintf("states/%d", i))
		if err := w.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		objects[i] = ledger.Object{Path: e.Path, ETag: e.ETag}
	}
	world.Reset()
	found, err := w.Find(t.Context(), slices.Concat(objects, objects, []ledger.Object{{Path: "states/none", ETag: "x"}, {Path: "states/row"}})...)
	if err != nil || len(found) != 250 {
		t.Fatalf("%d, %v", len(found), err)
	}
	if got := world.Calls(); !maps.Equal(got, map[string]int{"BatchGetItem": 5}) { // twice for each full hundred
		t.Errorf("calls: %v", got)
	}
	if got := found[objects[7]].Witness(); *got != (policy.Witness{Principal: "AWS:AROAX:took-7", Session: "took-7", SourceIP: "192.0.2.1", TakenAt: at(7)}) {
		t.Errorf("%+v", got)
	}
	world.Reset()
	if found, err := w.Find(t.Context()); err != nil || len(found) != 0 || len(world.Calls()) != 0 {
		t.Errorf("nothing was asked for: %v, %v, %v", found, world.Calls(), err)
	}
}

// Whoever may write a prefix deletes any number of old versions of a lock object, and the monitor and the
// weekly report ask who removed it while people wait for what they say of other locks.
func TestHoweverManyOldVersionsWereDeletedOneCallFindsWhoRemovedALock(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		deleted int // old versions, before the lock was removed
		want    string
	}{
		"as somebody cleans up":     {90, "took-1 removed-9000"},
		"more than anybody deletes": {2000, "took-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world, w := ledgerOf(t)
			history := []ledger.ObjectEvent{created(t, 1, "A"), removed(t, 9000, "")}
			for n := range tc.deleted {
				history = append(history, removed(t, n+2, fmt.Sprintf("v-%d", n)))
			}
			for _, e := range history {
				if err := w.Record(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
			world.Reset()
			if got := story(t.Context(), t, w, wpath, "A"); got != tc.want {
				t.Errorf("it says %s, want %s", got, tc.want)
			}
			if calls := world.Calls()["Query"]; calls != 1 {
				t.Errorf("%d queries", calls)
			}
		})
	}
}
