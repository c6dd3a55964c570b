package stack_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// The stack's own bucket notifies the witness's queue of lock objects that are created and
// removed, whatever way, and of nothing else.
func TestTheStateBucketNotifiesTheWitnessOfLockObjects(t *testing.T) {
	locks := map[string]any{"S3Key": map[string]any{"Rules": []any{map[string]any{"Name": "suffix", "Value": ".tflock"}}}}
	queue := map[string]any{"Fn::GetAtt": []any{"WitnessQueue", "Arn"}}
	want := map[string]any{"QueueConfigurations": []any{
		map[string]any{"Event": "s3:ObjectCreated:*", "Queue": queue, "Filter": locks},
		map[string]any{"Event": "s3:ObjectRemoved:*", "Queue": queue, "Filter": locks},
	}}
	template := load(t)
	for _, name := range template.Of("AWS::S3::Bucket") {
		got := template.Resources[name].Properties["NotificationConfiguration"]
		if name != "StateBucket" {
			if got != nil {
				t.Errorf("%s notifies, too: %v", name, got)
			}
			continue
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if len(template.Of("AWS::S3::Bucket")) < 2 {
		t.Error("a bucket is missing")
	}
	mapping := template.Resources["WitnessFunctionEvents"].Properties
	if diff := gocmp.Diff([]any{"ReportBatchItemFailures"}, mapping["FunctionResponseTypes"]); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff(queue, mapping["EventSourceArn"]); diff != "" {
		t.Error(diff)
	}
}

// S3 alone may send to the witness's queue, for buckets of this account; what cannot be
// recorded is kept for two weeks, and an alarm rings for it that leads to the runbook.
func TestTheQueueOfTheWitness(t *testing.T) {
	template := load(t)
	properties := func(name string) map[string]any { return template.Resources[name].Properties }
	arn := func(name string) any { return map[string]any{"Fn::GetAtt": []any{name, "Arn"}} }
	queue, letters := properties("WitnessQueue"), properties("WitnessDeadLetters")
	document, _ := properties("WitnessQueuePolicy")["PolicyDocument"].(map[string]any)
	statements, _ := document["Statement"].([]any)
	if len(statements) != 2 {
		t.Fatalf("%d statements", len(statements))
	}
	alarm := properties("WitnessDeadLettersAlarm")
	for what, pair := range map[string][2]any{
		"where what fails goes":     {map[string]any{"deadLetterTargetArn": arn("WitnessDeadLetters"), "maxReceiveCount": 5.0}, queue["RedrivePolicy"]},
		"the encryption":            {[]any{true, true, nil, nil}, []any{queue["SqsManagedSseEnabled"], letters["SqsManagedSseEnabled"], queue["KmsMasterKeyId"], letters["KmsMasterKeyId"]}},
		"how long letters are kept": {14 * 24 * 3600.0, letters["MessageRetentionPeriod"]},
		"who may send": {map[string]any{
			"Sid": "BucketsOfThisAccount", "Effect": "Allow", "Principal": map[string]any{"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn("WitnessQueue"),
			"Condition": map[string]any{
				"StringEquals": map[string]any{"aws:SourceAccount": map[string]any{"Ref": "AWS::AccountId"}},
				"ArnLike":      map[string]any{"aws:SourceArn": map[string]any{"Fn::Sub": "arn:${AWS::Partition}:s3:::*"}},
			},
		}, statements[0]},
		"and nobody else":        {"Deny", statements[1].(map[string]any)["Effect"]},
		"the queue's policy":     {[]any{map[string]any{"Ref": "WitnessQueue"}}, properties("WitnessQueuePolicy")["Queues"]},
		"what the alarm watches": {[]any{map[string]any{"Name": "QueueName", "Value": map[string]any{"Fn::GetAtt": []any{"WitnessDeadLetters", "QueueName"}}}}, alarm["Dimensions"]},
		"and when it rings":      {[]any{"ApproximateNumberOfMessagesVisible", "GreaterThanThreshold", 0.0}, []any{alarm["MetricName"], alarm["ComparisonOperator"], alarm["Threshold"]}},
	} {
		if diff := gocmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	if text, _ := alarm["AlarmDescription"].(string); !strings.HasSuffix(text, "infra/runbooks/witness.md") {
		t.Errorf("the alarm leads to %s", text)
	}
}
