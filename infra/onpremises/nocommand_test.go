package onpremises_test

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// There is no function in AWS that a command could invoke: also in what unlock and prune publish by the script.
func TestNoMessageByTheScriptHasACommandForAWS(t *testing.T) {
	t.Parallel()
	local.Need(t, local.Services, local.LambdaRIE)
	cloud := local.StartForTest(t)
	place, err := cloud.MakePlace(t.Context(), "states")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := tflock.Info{ID: stuckID, Operation: "OperationTypeApply", Who: "ana", Version: "1.11.4", Created: time.Now().UTC(), Path: "states/prod/x"}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	put := func(key string, b []byte) {
		if _, err := cloud.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &place.Bucket, Key: &key, Body: bytes.NewReader(b)}); err != nil {
			t.Fatal(err)
		}
	}
	put("prod/x.tflock", raw)
	put("branches/it's/x.tfstate", local.State(t, "destroyed"))
	time.Sleep(2 * time.Second)
	environment := maps.Clone(cloud.Env())
	maps.Copy(environment, map[string]string{"ACCOUNT_ID": "123456789012", "BUCKET_ARNS": place.Bucket, "LEDGER_TABLE": place.Ledger, "TOPIC_ARN": place.Topic, "METRIC_NAMESPACE": "Test", "PRUNE_PATHS": "branches/**", "PRUNE_AFTER_DAYS": "0.00001", "PRUNE_WITHOUT_DIGEST": "true"})
	delete(environment, "AWS_LAMBDA_FUNCTION_NAME")
	for function, payload := range map[string]string{"unlock": `{"lock_id":"` + stuckID + `","reason":"r","requested_by":"me"}`, "prune": "{}"} {
		binary, err := local.Build(t.Context(), function)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := invoked(t, function, binary, payload, environment); err != nil {
			t.Fatalf("%v: %s", err, answer)
		}
	}
	messages, err := cloud.Published(place.Topic)
	if err != nil || len(messages) != 2 {
		t.Fatal(err, len(messages))
	}
	for _, m := range messages {
		for _, promise := range []string{"aws lambda", "AWS CLI", "dashboard"} {
			if text := m.Texts["email"]; strings.Contains(text, promise) {
				t.Errorf("%q in\n%s", promise, text)
			}
		}
	}
}
