package alert_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// The filter policy in docs/alerts.md lets production's alerts through, and nothing else.
// That SNS looks for a prefix in each element of a summary's list is documented; moto
// looks into single strings only.
func TestTheFilterPolicyInTheDocuments(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(local.Root(), "docs", "alerts.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`--attributes '(.*)'`).FindSubmatch(readme)
	var attributes map[string]string
	if found == nil || json.Unmarshal(found[1], &attributes) != nil {
		t.Fatal("docs/alerts.md has no example of a filter policy")
	}
	server := localAWS(t)
	ctx, client, queues := t.Context(), sns.NewFromConfig(server.Config()), sqs.NewFromConfig(server.Config())
	topic, err := server.MakeTopic(ctx, "filtered")
	if err != nil {
		t.Fatal(err)
	}
	queue, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("production")})
	if err != nil {
		t.Fatal(err)
	}
	described, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Subscribe(ctx, &sns.SubscribeInput{TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: aws.String(described.Attributes["QueueArn"]), Attributes: attributes}); err != nil {
		t.Fatal(err)
	}

	production, staging := samples.Lock(), samples.Lock()
	production.Path, staging.Path = "my-states/environments/production/app.tfstate", "my-states/environments/staging/app.tfstate"
	to := alert.NewTopic(client, topic)
	for _, e := range []alert.Event{
		composer.Lock(alert.LockStuck, production, 1, now),
		composer.Lock(alert.LockStuck, staging, 1, now),
		composer.Lock(alert.LockReminder, production, 2, now),
		composer.Lock(alert.LockResolved, production, 2, now),
		composer.Summary(alert.LockStuck, []policy.Description{staging, staging}, alert.Warning, now),
		composer.Scan(alert.ScanFailed, alert.Warning, []alert.Store{{ARN: "arn:aws:s3:::my-states"}}, now),
	} {
		if err := to.Publish(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for range 6 {
		received, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range received.Messages {
			var envelope struct{ Message string }
			var e alert.Event
			if err := json.Unmarshal([]byte(*m.Body), &envelope); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(envelope.Message), &e); err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Text)
		}
	}
	slices.Sort(got)
	want := []string{
		"State " + production.Path + " has been locked by ana@laptop for 45m, and its run is likely dead.",
		"State " + production.Path + " is still locked by ana@laptop after 45m, and its run is likely dead.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
