package ledger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

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
			if err := w.Record(ctx, e); err != nil {
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
