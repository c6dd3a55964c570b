package onpremises_test

import (
	"io"
	"maps"
	"os"
	"path/filepath"
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
func TestFunctionsOverAStoreThatIgnoresConditions(t *testing.T) {
	t.Parallel()
	local.Need(t, local.Services)
	cloud, store := local.StartForTest(t), start(t, server.S3rver)
	ledger, topic := "ledger", ""
	_, err := cloud.MakeTable(t.Context(), ledger, "kind", "id")
	if err == nil {
		topic, err = cloud.MakeTopic(t.Context(), "alerts")
	}
	client, bucket, key := store.S3(), "states", "a.tfstate.tflock"
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
		"AWS_ENDPOINT_URL_S3": store.Endpoint, "ACCOUNT_ID": "123456789012", "BUCKET_ARNS": bucket, "LEDGER_TABLE": ledger, "TOPIC_ARN": topic, "METRIC_NAMESPACE": "Test",
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
	if got := strings.Join(published, " "); err != nil || got != "scan.failed lock.stuck lock.refused lock.released" {
		t.Errorf("published: %s %v", got, err)
	}
}

// The stack is in AWS, and AWS_ENDPOINT_URL_S3 leads the functions to the states in a store of
// one's own: the report bucket stays where the stack made it.
func TestTheReportStaysInAWSWhereStatesAreElsewhere(t *testing.T) {
	t.Parallel()
	local.Need(t, local.Services)
	cloud, store := local.StartForTest(t), start(t, server.S3rver)
	place, err := cloud.MakePlace(t.Context(), "aws")
	if err != nil {
		t.Fatal(err)
	}
	states, key := "states", "network/terraform.tfstate"
	client := store.S3()
	_, err = client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &states})
	if err == nil {
		_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &states, Key: &key, Body: strings.NewReader(string(local.State(t, "applied")))})
	}
	keys := filepath.Join(t.TempDir(), "credentials")
	if err == nil {
		err = os.WriteFile(keys, []byte("[store]\naws_access_key_id = "+server.AccessKey+"\naws_secret_access_key = "+server.SecretKey+"\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	environment := maps.Clone(cloud.Env())
	maps.Copy(environment, map[string]string{
		"AWS_ENDPOINT_URL_S3": store.Endpoint, "LOCKWARDEN_PROFILE_S3": "store", "AWS_SHARED_CREDENTIALS_FILE": keys, "ACCOUNT_ID": "123456789012", "BUCKET_ARNS": states,
		"LEDGER_TABLE": place.Ledger, "TOPIC_ARN": place.Topic, "METRIC_NAMESPACE": "Test", "REPORT_BUCKET": place.Bucket, "UNLOCK_FUNCTION_ARN": "arn:aws:lambda:eu-central-1:123456789012:function:unlock",
		"AWS_LAMBDA_FUNCTION_NAME": "elsewhere",
	})
	made := invoke(t, "inventory", environment, "{}")
	if made.Failed || !strings.Contains(made.Payload, `"states":1`) || !strings.Contains(made.Payload, `"report":"s3://`+place.Bucket+`/`) {
		t.Fatalf("inventory answers %s", made.Payload)
	}
	report, csv := "", "inventory/states.csv"
	if out, err := cloud.S3().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &place.Bucket, Key: &csv}); err == nil {
		content, _ := io.ReadAll(out.Body)
		report = string(content)
	}
	if !strings.Contains(report, "\""+states+"/"+key+"\",") {
		t.Errorf("the report in AWS has not the state: %q", report)
	}
	if page := invoke(t, "console", environment, `{"view":"states","widgetContext":{}}`); page.Failed || !strings.Contains(page.Payload, "States 1 to 1 of 1") {
		t.Errorf("the console answers %s", page.Payload)
	}
	if week := invoke(t, "report", environment, "{}"); week.Failed || !strings.Contains(week.Payload, `"open_findings":`) {
		t.Errorf("report answers %s", week.Payload)
	}
}
