package prune_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Each team of a shared bucket may have an access point of its own: that many of them are no reason to keep a state that none has a row of.
func TestManyAccessPointsKeepNoStateOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	for i := range 60 {
		row := map[string]types.AttributeValue{
			"LockID": &types.AttributeValueMemberS{Value: strings.Replace(accessPoint, "-", fmt.Sprintf("-%02d-", i), 1) + "network/terraform.tfstate-md5"},
			"Digest": &types.AttributeValueMemberS{Value: local.MD5([]byte("another"))},
		}
		if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &w.Table, Item: row}); err != nil {
			t.Fatal(err)
		}
	}
	if report := w.prune(); len(report.Pruned) != 1 {
		t.Errorf("%s: %+v", strings.Join(fates(report), "; "), report.Kept)
	}
}

// A name that begins with an access point may lead to any bucket. Whoever has one, and a digest of another state of the same key, or many
// rows in the same folder, keeps no state of other buckets.
func TestRowsBehindAnAccessPointKeepNoStatesOfOtherBuckets(t *testing.T) {
	t.Parallel()
	many := func(i int) string { return fmt.Sprintf("branches/%d/%d/%s", i%10, i, strings.Repeat("x", 900)) }
	unclean := func(i int) string { return strings.Replace(many(i), "branches/", "branches//", 1) }
	for name, tc := range map[string]struct {
		rows  int
		key   func(i int) string
		locks bool
	}{
		"a digest of the same key":  {rows: 1, key: func(int) string { return key }},
		"many digests":              {rows: 1500, key: many},
		"many locks":                {rows: 1500, key: many, locks: true},
		"many digests with slashes": {rows: 1500, key: unclean},
		"many locks with slashes":   {rows: 1500, key: unclean, locks: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			var batch []types.WriteRequest
			for i := range tc.rows {
				row := map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: accessPoint + tc.key(i)}}
				if tc.locks {
					row["Info"] = &types.AttributeValueMemberS{Value: fmt.Sprintf(`{"ID":"x-%d","Who":"x@y","Created":"2026-11-23T07:06:04.85961561Z"}`, i)}
				} else {
					row["LockID"] = &types.AttributeValueMemberS{Value: accessPoint + tc.key(i) + "-md5"}
					row["Digest"] = &types.AttributeValueMemberS{Value: local.MD5([]byte("another"))}
				}
				if batch = append(batch, types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}); len(batch) < 25 && i < tc.rows-1 {
					continue
				}
				if _, err := dynamodb.NewFromConfig(server.Config()).BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{w.Table: batch}}); err != nil {
					t.Fatal(err)
				}
				batch = nil
			}
			if report := w.prune(); len(report.Pruned) != 1 {
				t.Errorf("%s: %+v", strings.Join(fates(report), "; "), report.Kept)
			}
		})
	}
}

// A lock under a name that climbs keeps its state (docs/adr/0025) also where rows behind access points are in the table.
func TestALockThatClimbsKeepsItsStateBesideAccessPoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	for _, name := range []tflock.Path{accessPoint + "other", w.Path("a-team/../" + key)} {
		if err := local.TakeLock(t.Context(), name, "live", w.Set.Tables[0]); err != nil {
			t.Fatal(err)
		}
	}
	if report := w.prune(); len(report.Pruned) > 0 {
		t.Errorf("pruned although it is locked: %s", strings.Join(fates(report), "; "))
	}
}

// A state that is restored beside an old digest of a client behind an access point is refused by that client: the answer says so.
func TestARestoreNamesAnOldDigestBehindAnAccessPoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stale(key, local.State(t, "destroyed"))
	if report := w.prune(); len(report.Pruned) != 1 {
		t.Fatal(fates(report))
	}
	if err := w.Set.Tables[0].RestoreDigest(t.Context(), accessPoint+key, local.MD5([]byte("another"))); err != nil {
		t.Fatal(err)
	}
	a, err := w.pruner(server.Config()).Restore(t.Context(), w.Path(key), "request")
	if err != nil || a.Outcome != prune.Restored || !strings.Contains(a.Message, accessPoint+key) {
		t.Errorf("%+v, %v", a, err)
	}
}
