package onpremises_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const stuckID = "6a1f0c2e-9b7d-4e35-8a61-0d5c4b3e2f19"

// invoke starts a function once, with its stores in one place and everything else in another.
func invoke(t *testing.T, function string, environment map[string]string, payload string) local.Result {
	t.Helper()
	binary, err := local.Build(t.Context(), function)
	if err != nil {
		t.Fatal(err)
	}
	result, err := local.Invoke(t.Context(), binary, environment, payload)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// In a store that ignores conditions the functions say so themselves: the monitor once, however
// often it starts, and unlock at each release that it refuses.
func TestFunctionsBesideAStoreThatIgnoresConditions(t *testing.T) {
	t.Parallel()
	local.Need(t, local.Services)
	cloud, store := local.StartForTest(t), start(t, server.S3rver)
	ledger, topic := "ledger", ""
	_, err := cloud.MakeTable(t.Context(), ledger, "kind", "id")
	if err == nil {
		topic, err = cloud.MakeTopic(t.Context(), "alerts")
	}
	client, bucket, key := buckets(store), "states", "a.tfstate.tflock"
	if err == nil {
		_, err = client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	}
	raw, problem := tflock.Info{ID: stuckID, Operation: "OperationTypeApply", Who: "ana@laptop", Version: "1.11.4", Created: time.Now().UTC(), Path: "states/a.tfstate"}.Marshal()
	if err == nil && problem == nil {
		_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(string(raw))})
	}
	if err != nil || problem != nil {
		t.Fatal(err, problem)
	}
	time.Sleep(1100 * time.Millisecond) // the store's clock has seconds
	environment := maps.Clone(cloud.Env())
	delete(environment, "TRUST_STORES")
	maps.Copy(environment, map[string]string{
		"AWS_ENDPOINT_URL_S3": store, "ACCOUNT_ID": "123456789012", "BUCKET_ARNS": bucket, "LEDGER_TABLE": ledger, "TOPIC_ARN": topic, "METRIC_NAMESPACE": "Test",
		"STUCK_AFTER": "1ms", "RELEASE_GUARD": "1ms", "AWS_LAMBDA_FUNCTION_NAME": "beside", "AWS_ACCESS_KEY_ID": server.AccessKey, "AWS_SECRET_ACCESS_KEY": server.SecretKey,
	})

	for range 2 {
		result := invoke(t, "monitor", environment, "{}")
		if result.Failed || !strings.Contains(result.Payload, `"complete":true`) || !strings.Contains(result.Payload, `"warnings":["arn:aws:s3:::states: it ignores the condition of a write`) {
			t.Errorf("the monitor answers %s", result.Payload)
		}
	}
	refused := invoke(t, "unlock", environment, `{"lock_id":"`+stuckID+`","reason":"laptop died","requested_by":"me"}`)
	if refused.Failed || !strings.Contains(refused.Payload, `"outcome":"refused"`) || !strings.Contains(refused.Payload, "ignores the condition of a delete") {
		t.Errorf("unlock answers %s", refused.Payload)
	}
	forced := invoke(t, "unlock", environment, `{"lock_id":"`+stuckID+`","reason":"nobody runs","requested_by":"me","force":true}`)
	if forced.Failed || !strings.Contains(forced.Payload, `"outcome":"released"`) {
		t.Errorf("unlock by force answers %s", forced.Payload)
	}

	messages, err := cloud.Published(topic)
	var published []string
	for _, m := range messages {
		published = append(published, m.Attributes["type"])
	}
	if got := strings.Join(published, " "); err != nil || got != "lock.stuck scan.failed lock.refused lock.released" {
		t.Errorf("published: %s %v", got, err)
	}
}
