package prune_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Whoever may write the rows of one prefix makes many names of another team's state. They count for nothing: no client
// locks so, and a state is pruned as ever. A lock that a client can have taken under such a name keeps it.
func TestManyNamesOfAState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	w.stale("branches/other/terraform.tfstate", local.State(t, "destroyed"))
	put := func(name string, attributes map[string]string) {
		item := map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: string(w.Path(name))}}
		for attribute, value := range attributes {
			item[attribute] = &types.AttributeValueMemberS{Value: value}
		}
		if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &w.TableARN, Item: item}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 40 {
		put(fmt.Sprintf("a-team/%02d/../../%s-md5", i, key), nil)
		put(fmt.Sprintf("a-team/%02d/../../%s", i, key), map[string]string{"Info": "junk"})
		put(fmt.Sprintf("a-team/x/%02d/../../../%s", i, key), nil)
		put(fmt.Sprintf("a-team/y/%02d/../../../%s-md5", i, key), map[string]string{"Digest": "wrong"})
	}
	held := "a-team/../branches/other/terraform.tfstate"
	raw, err := tflock.Info{ID: "1", Who: "me@host", Operation: "OperationTypeApply", Path: string(w.Path(held))}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	put(held, map[string]string{"Info": string(raw)})
	before := len(w.held())
	report, err := w.run(&local.Wire{}, prune.Request{}, "r")
	if err != nil || len(report.Pruned) != 1 || report.Pruned[0].Path != w.Path(key) || len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptLocked || !strings.Contains(report.Kept[0].Why, "me@host") {
		t.Errorf("%+v, %v", report, err)
	}
	if len(w.held()) != before {
		t.Errorf("held %v", w.held())
	}
}

// Whoever may write the rows of one prefix writes some with names of another team's state: what looks like a lock of a dead
// run of ours, and the digest that the state has. Both are left alone, as whoever wrote them could keep them from being deleted.
func TestRowsThatClimbAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	theirs := w.Path("a-team/../" + key)
	note, _ := json.Marshal(map[string]any{"request_id": "dead", "deadline": time.Now().Add(-time.Hour).UTC()})
	raw, err := tflock.Info{ID: "x", Operation: "lockwarden-prune", Info: string(note), Who: "lockwarden-prune@lambda", Created: time.Now().Add(-time.Hour).UTC(), Path: string(theirs)}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	table := w.Set.Tables[0]
	if _, err := table.Acquire(t.Context(), theirs, raw); err != nil {
		t.Fatal(err)
	}
	if err := table.RestoreDigest(t.Context(), theirs, local.MD5(local.State(t, "destroyed"))); err != nil {
		t.Fatal(err)
	}
	refuse := &local.Wire{Refuse: func(call string) bool { return strings.HasSuffix(call, ".DeleteItem") }} // from the ledger too
	if _, err := w.restore(refuse); strings.Contains(fmt.Sprint(err), "own lock") {
		t.Errorf("the restore of a state that is there: %v", err)
	}
	if report := w.prune(); len(report.Pruned) != 1 {
		t.Errorf("%+v", report)
	}
	if digest, err := table.Digest(t.Context(), theirs); err != nil || digest == "" {
		t.Errorf("their digest is %q now, %v", digest, err)
	}
	if held := w.held(); len(held) != 1 {
		t.Errorf("held %v", held)
	}
}

// Teams share the first part of their keys, branches/. Rows of one, each under another name with // in it, keep no state of another.
func TestNamesOfOneTeamKeepNoStateOfAnotherBesideIt(t *testing.T) {
	w := newWorld(t)
	const theirs = "branches/prod/x.tfstate"
	w.stale(theirs, local.State(t, "destroyed"))
	client := dynamodb.NewFromConfig(server.Config())
	for i := range 600 {
		name := fmt.Sprintf("%s/branches/dev//%04d/%s-md5", w.Bucket, i, strings.Repeat("x", 940))
		if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: &w.Table, Item: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: name}, "Digest": &types.AttributeValueMemberS{Value: "x"}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	report := w.prune()
	if there := w.there([]string{theirs}); len(there) > 0 {
		t.Errorf("%q were not pruned: %+v", there, report)
	}
}
