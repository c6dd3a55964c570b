package ledger_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func TestSequencersComeInTheOrderOfS3(t *testing.T) {
	for name, tc := range map[string]struct{ earlier, later string }{
		"of the same length":                               {"0055AED6DCD90281E5", "0055AED6DCD90281E6"},
		"the shorter one is padded on its right":           {"0055AED6DCD9", "0055AED6DCD90281E5"},
		"so a longer one may come first":                   {"0055AED6DC00000001", "0055AED6DD"},
		"which as numbers would be the other way around":   {"00FFFFFF", "01"},
		"digits and letters in either case":                {"9", "a"},
		"zeros on the right say nothing, others do":        {"0A00", "0A0001"},
		"longer than any number of a machine":              {strings.Repeat("F", 30) + "0", strings.Repeat("F", 31)},
		"the last digit of the longest":                    {strings.Repeat("0", 127), strings.Repeat("0", 127) + "1"},
		"a lower-case one is not behind all in upper case": {"aa", "AB"},
	} {
		t.Run(name, func(t *testing.T) {
			earlier, err1 := ledger.ParseSequence(tc.earlier)
			later, err2 := ledger.ParseSequence(tc.later)
			if err1 != nil || err2 != nil || earlier >= later {
				t.Errorf("%q, %v and %q, %v", earlier, err1, later, err2)
			}
		})
	}
	for _, wrong := range []string{"", "0x55", "55 ", "5G", "-1", strings.Repeat("A", 129), "１"} {
		if s, err := ledger.ParseSequence(wrong); err == nil {
			t.Errorf("%q is %q", wrong, s)
		}
	}
}

// S3's own rule, on any two sequencers.
func TestSequencersCompareAsIfPadded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9A-F]{1,40}`)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		pad := func(s string) string { return s + strings.Repeat("0", 40-len(s)) }
		x, err1 := ledger.ParseSequence(a)
		y, err2 := ledger.ParseSequence(b)
		if err1 != nil || err2 != nil || cmp.Compare(x, y) != cmp.Compare(pad(a), pad(b)) {
			t.Fatalf("%q, %v and %q, %v", x, err1, y, err2)
		}
	})
}

// ledgerOf is an empty ledger in memory.
func ledgerOf(t *testing.T) (*scale.World, *ledger.Witnesses) {
	t.Helper()
	world := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	return world, ledger.NewWitnesses(clientOf(world), "ledger")
}

// clientOf calls that AWS without a connection.
func clientOf(world *scale.World) *dynamodb.Client {
	return dynamodb.NewFromConfig(aws.Config{Region: scale.Region, HTTPClient: scale.Direct{World: world}, Credentials: aws.AnonymousCredentials{}})
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
		"another creation lies between":                   {[]ledger.ObjectEvent{created(t, 1, "A"), created(t, 2, "B"), removed(t, 3, "")}, map[string]string{"A": "took-1", "B": "took-2 removed-3"}},
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
				if err := w.Keep(t.Context(), e); err != nil {
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

// The law: whatever the order in which events come, and however often each does, the
// records are those of the events in S3's order, whole: what one delivery could read of a
// created object, no later one that found it gone erases.
func TestTheOrderOfArrivalSaysNothing(t *testing.T) {
	world, w := ledgerOf(t)
	ctx, checks := t.Context(), 0
	rapid.Check(t, func(t *rapid.T) {
		checks++
		path := tflock.Path(fmt.Sprintf("states/%d", checks))
		var history []ledger.ObjectEvent
		for n := range rapid.IntRange(1, 9).Draw(t, "events") {
			e := removed(t, n, "")
			switch rapid.SampledFrom([]string{"create", "marker", "delete a version"}).Draw(t, "event") {
			case "create":
				e = created(t, n, rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "etag"))
				e.Operation, e.Who = "OperationTypeApply", fmt.Sprintf("runner-%d", n)
			case "delete a version":
				e = removed(t, n, fmt.Sprintf("v%d", rapid.IntRange(0, 9).Draw(t, "version")))
			}
			e.Path = path
			history = append(history, e)
		}
		known := map[ledger.Sequence]bool{} // of which creations a delivery read the object
		for _, e := range rapid.Permutation(slices.Concat(history, rapid.SliceOf(rapid.SampledFrom(history)).Draw(t, "again"))).Draw(t, "arrivals") {
			if !e.Removed && rapid.Bool().Draw(t, "the object is gone") {
				e = gone(e)
			}
			known[e.Sequence] = known[e.Sequence] || e.LockID != ""
			if err := w.Keep(ctx, e); err != nil {
				t.Fatal(err)
			}
		}
		for i, e := range history {
			if !known[e.Sequence] {
				history[i] = gone(e)
			}
		}
		if got, want := eventsOf(ctx, t, world, path), bodies(t, history); !slices.Equal(got, want) {
			t.Fatalf("events:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, etag := range []string{"A", "B", "C"} {
			if got, want := story(ctx, t, w, path, etag), contract(history, etag); got != want {
				t.Fatalf("%s: %s, want %s", etag, got, want)
			}
			object := ledger.Object{Path: path, ETag: etag}
			found, err := w.Find(ctx, object)
			want, taken := creation(history, etag)
			if err != nil || len(found) != map[bool]int{true: 1}[taken] || found[object].ObjectEvent != want {
				t.Fatalf("%s: %+v, want %+v, %v", etag, found, want, err)
			}
			if end := want.At.Add(ledger.KeepEvents); taken && found[object].Expires.Unix() != end.Unix() {
				t.Fatalf("%s ends at %s", etag, found[object].Expires)
			}
		}
	})
}

// gone is an event whose created object could not be read any more.
func gone(e ledger.ObjectEvent) ledger.ObjectEvent {
	e.LockID, e.Operation, e.Who = "", "", ""
	return e
}

// creation is the last creation of an object in S3's order.
func creation(history []ledger.ObjectEvent, etag string) (last ledger.ObjectEvent, taken bool) {
	for _, e := range history {
		if !e.Removed && e.ETag == etag {
			last, taken = e, true
		}
	}
	return last, taken
}

// bodies are events as their rows have them.
func bodies(t failer, history []ledger.ObjectEvent) (list []string) {
	for _, e := range history {
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(body))
	}
	return list
}

// eventsOf are the rows of the events on a path, in their order.
func eventsOf(ctx context.Context, t failer, world *scale.World, path tflock.Path) (list []string) {
	rows, err := clientOf(world).Query(ctx, &dynamodb.QueryInput{
		TableName: aws.String("ledger"), KeyConditionExpression: aws.String("kind = :kind"), FilterExpression: aws.String("#path = :path"),
		ExpressionAttributeNames:  map[string]string{"#path": "path"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":kind": &types.AttributeValueMemberS{Value: "object-event"}, ":path": &types.AttributeValueMemberS{Value: string(path)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows.Items {
		list = append(list, row["body"].(*types.AttributeValueMemberS).Value)
	}
	return list
}

// contract is what a history in S3's order says of an object, by the contract's words.
func contract(history []ledger.ObjectEvent, etag string) string {
	last := -1
	for i, e := range history {
		if !e.Removed && e.ETag == etag {
			last = i
		}
	}
	if last < 0 {
		return "nobody"
	}
	for _, e := range history[last+1:] {
		switch {
		case !e.Removed:
			return history[last].Session
		case e.Version == "" || e.Version == history[last].Version:
			return history[last].Session + " " + e.Session
		}
	}
	return history[last].Session
}

func TestRecordsEndAfter35DaysUnlessTheLockIsHeld(t *testing.T) {
	world, w := ledgerOf(t)
	event := created(t, 1, "A")
	if err := w.Keep(t.Context(), event); err != nil {
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
	world.ReadAtOnce = 60 // DynamoDB hands back the rest
	objects := make([]ledger.Object, 250)
	for i := range objects {
		e := created(t, i, fmt.Sprintf("E%d", i))
		e.Path = tflock.Path(fmt.Sprintf("states/%d", i))
		if err := w.Keep(t.Context(), e); err != nil {
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
