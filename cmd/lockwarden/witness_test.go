package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/lockwarden/lockwarden/infra/local"
)

func TestABucketIsConnectedToTheWitness(t *testing.T) {
	w := newWorld(t)
	client := w.stack.AWS().S3()
	const bucket = "team-states"
	if _, err := w.stack.AWS().MakeBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	topic, err := w.stack.AWS().MakeTopic(t.Context(), "indexer")
	if err != nil {
		t.Fatal(err)
	}
	set := func(suffix string) {
		t.Helper()
		if _, err := client.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
			Bucket: aws.String(bucket), NotificationConfiguration: &types.NotificationConfiguration{TopicConfigurations: []types.TopicConfiguration{{
				Id: aws.String("indexer"), TopicArn: &topic, Events: []types.Event{"s3:ObjectCreated:*"}, Filter: &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{{Name: types.FilterRuleNameSuffix, Value: &suffix}}}},
			}}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	rules := func() (topics, queues int) {
		t.Helper()
		out, err := client.GetBucketNotificationConfiguration(t.Context(), &s3.GetBucketNotificationConfigurationInput{Bucket: aws.String(bucket)})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.TopicConfigurations), len(out.QueueConfigurations)
	}
	command := func(args ...string) (int, string, string) {
		t.Helper()
		return w.run("", append([]string{"witness", bucket}, args...)...)
	}

	set(".tfstate")
	code, out, _ := command()
	if topics, queues := rules(); code != 0 || topics != 1 || queues != 0 || !strings.Contains(out, "Nothing was changed") || !strings.Contains(out, `"Value": ".tflock"`) || !strings.Contains(out, `"Id": "indexer"`) {
		t.Fatalf("%d, %d, %d: %s", code, topics, queues, out)
	}
	code, out, _ = command("--json")
	var shown map[string]any
	if code != 0 || json.Unmarshal([]byte(out), &shown) != nil || len(shown["QueueConfigurations"].([]any)) != 2 || strings.Contains(out, "null") {
		t.Fatalf("%d: %s", code, out)
	}
	w.answers = []string{"no"}
	if code, _, said := command("--apply"); code != exitUnconfirmed || !strings.Contains(said, "Nothing was changed") {
		t.Fatalf("%d: %s", code, said)
	}
	if _, queues := rules(); queues != 0 {
		t.Fatal("it was changed without a yes")
	}
	w.answers = []string{"yes"}
	if code, out, said := command("--apply"); code != 0 {
		t.Fatalf("%d: %s %s", code, out, said)
	}
	if topics, queues := rules(); topics != 1 || queues != 2 {
		t.Fatalf("%d topics, %d queues", topics, queues)
	}
	if code, out, _ := command("--apply"); code != 0 || !strings.Contains(out, "nothing to change") { // and nothing to ask
		t.Fatalf("again: %d: %s", code, out)
	}

	other := "arn:aws:sqs:" + local.Region + ":123456789012:lockwarden-staging-witness"
	if _, err := sqs.NewFromConfig(w.stack.AWS().Config()).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("lockwarden-staging-witness")}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String(bucket), NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
			Id: aws.String("lockwarden-created"), QueueArn: &other, Events: []types.Event{"s3:ObjectCreated:*"},
		}}},
	}); err != nil {
		t.Fatal(err)
	}
	w.answers = []string{"no"}
	if code, _, said := command("--apply"); code != exitUnconfirmed || !strings.Contains(said, other) || !strings.Contains(said, "another stack") {
		t.Errorf("nobody hears that another stack loses its witness: %d: %s", code, said)
	}

	set("lock") // of lock objects too
	code, _, said := command("--apply", "--yes")
	if topics, queues := rules(); code != exitRefused || topics != 1 || queues != 0 || !strings.Contains(said, `its rule "indexer" notifies `+topic) {
		t.Errorf("%d, %d, %d: %s", code, topics, queues, said)
	}
	if _, err := w.stack.AWS().In("us-west-2").MakeBucket(t.Context(), "far-states"); err != nil {
		t.Fatal(err)
	}
	if code, _, said := w.run("", "witness", "far-states", "--apply", "--yes"); code != exitRefused || !strings.Contains(said, "have no witness") {
		t.Errorf("a bucket of another region: %d: %s", code, said)
	}
	if code, _, said := w.run("", "witness", "no-such-bucket"); code != exitUsage || !strings.Contains(said, "no-such-bucket") {
		t.Errorf("no bucket: %d: %s", code, said)
	}
}
