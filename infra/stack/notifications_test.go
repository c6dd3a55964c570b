package stack_test

import (
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
