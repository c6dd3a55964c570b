package prune_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const accessPoint = "team-ap-abcdefghijklmnopqrstuvwxyz-s3alias/"

// Whoever may write the rows of one prefix under the name of an access point writes such a digest for any state: it says nothing of it.
func TestADigestThatClimbsFromAnAccessPointKeepsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := local.State(t, "destroyed")
	w.stale(key, content)
	for _, name := range []tflock.Path{accessPoint + "a-team/../" + key, "arn:aws:s3:eu-central-1:123456789012:accesspoint/team/a-team/../" + key} {
		if err := w.Set.Tables[0].RestoreDigest(t.Context(), name, local.MD5(content)); err != nil {
			t.Fatal(err)
		}
	}
	if report := w.prune(); len(report.Pruned) != 1 {
		t.Errorf("a row that climbs keeps the state of another team: %s", strings.Join(fates(report), "; "))
	}
}

// Digests of one prefix, any number of them, hide that of no other.
func TestDigestsOfAnAccessPointHideNoOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := local.State(t, "destroyed")
	w.stale(key, content)
	client := dynamodb.NewFromConfig(server.Config())
	table := strings.TrimPrefix(w.Set.Tables[0].ARN(), w.Set.Tables[0].ARN()[:strings.LastIndex(w.Set.Tables[0].ARN(), "/")+1])
	put := func(rows []string) {
		var batch []types.WriteRequest
		for _, row := range rows {
			batch = append(batch, types.WriteRequest{PutRequest: &types.PutRequest{Item: map[string]types.AttributeValue{
				"LockID": &types.AttributeValueMemberS{Value: row}, "Digest": &types.AttributeValueMemberS{Value: local.MD5(content)},
			}}})
		}
		if _, err := client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: batch}}); err != nil {
			t.Fatal(err)
		}
	}
	var rows []string
	for i := range 1500 {
		if rows = append(rows, fmt.Sprintf("%sa-team/%04d%s-md5", accessPoint, i, strings.Repeat("x", 900))); len(rows) == 25 {
			put(rows)
			rows = nil
		}
	}
	if err := w.Set.Tables[0].RestoreDigest(t.Context(), tflock.Path(accessPoint+key), local.MD5(content)); err != nil {
		t.Fatal(err)
	}
	report := w.prune()
	digest, err := w.Set.Tables[0].Digest(t.Context(), tflock.Path(accessPoint+key))
	if err != nil || len(report.Pruned) > 0 {
		t.Errorf("pruned, digest left %q: %s, %v", digest, strings.Join(fates(report), "; "), err)
	}
}

// A lock through an access point is one however the client writes its ARN, also of a state whose key the client of today does not clean,
// and beside what looks like one that a dead invocation of ours left.
func TestALockThroughAnAccessPointIsKnown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ bucket, key string }{
		"an alias":                {accessPoint, key},
		"a colon in its ARN":      {"arn:aws:s3:eu-central-1:123456789012:accesspoint:team/", key},
		"an outpost":              {"arn:aws:s3-outposts:eu-central-1:123456789012:outpost/op-01ac5d28a6a232904/accesspoint/team/", key},
		"a key that is not clean": {accessPoint, "branches/x//terraform.tfstate"},
		"that, and an ARN":        {"arn:aws:s3:eu-central-1:123456789012:accesspoint/team/", "branches/x//terraform.tfstate"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stale(tc.key, local.State(t, "destroyed"))
			if err := local.TakeLock(t.Context(), tflock.Path(tc.bucket+tc.key), "live", w.Set.Tables[0]); err != nil {
				t.Fatal(err)
			}
			if report := w.prune(); len(report.Pruned) > 0 {
				t.Errorf("pruned although it is locked: %s", strings.Join(fates(report), "; "))
			}
		})
	}
}
