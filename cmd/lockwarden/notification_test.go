package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"pgregory.net/rapid"
)

const witnessQueue = "arn:aws:sqs:eu-central-1:123456789012:lockwarden-WitnessQueue"

// filter is a rule's filter on keys.
func filter(prefix, suffix string) *types.NotificationConfigurationFilter {
	return &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{
		{Name: "Prefix", Value: &prefix}, {Name: "Suffix", Value: &suffix},
	}}}
}

func TestMergingIntoABucketsNotifications(t *testing.T) {
	topic := func(event types.Event, f *types.NotificationConfigurationFilter) notifications {
		return notifications{Topics: []types.TopicConfiguration{{Id: aws.String("theirs"), TopicArn: aws.String("arn:topic"), Events: []types.Event{event}, Filter: f}}}
	}
	function := func(event types.Event, f *types.NotificationConfigurationFilter) notifications {
		return notifications{Functions: []types.LambdaFunctionConfiguration{{Id: aws.String("theirs"), LambdaFunctionArn: aws.String("arn:function"), Events: []types.Event{event}, Filter: f}}}
	}
	queue := func(arn string, event types.Event, f *types.NotificationConfigurationFilter) notifications {
		return notifications{Queues: []types.QueueConfiguration{{Id: aws.String("theirs"), QueueArn: &arn, Events: []types.Event{event}, Filter: f}}}
	}
	stale := queue("arn:aws:sqs:eu-central-1:123456789012:deleted", "s3:ObjectCreated:*", filter("", ".tflock"))
	stale.Queues[0].Id = aws.String("lockwarden-created")
	for name, tc := range map[string]struct {
		before  notifications
		overlap string // the destination of the rule in the way
		rules   int    // queue rules afterwards
	}{
		"nothing is there":                                   {notifications{}, "", 2},
		"EventBridge":                                        {notifications{EventBridge: &types.EventBridgeConfiguration{}}, "", 2},
		"another suffix":                                     {function("s3:ObjectCreated:*", filter("", ".zip")), "", 2},
		"other events":                                       {topic("s3:ObjectRestore:*", nil), "", 2},
		"other events that begin alike":                      {topic("s3:ObjectRemovedX", nil), "", 2},
		"a rule for everything":                              {topic("s3:ObjectCreated:*", nil), "arn:topic", 0},
		"a rule for one kind of creation":                    {function("s3:ObjectCreated:Put", nil), "arn:function", 0},
		"a rule for removals":                                {function("s3:ObjectRemoved:DeleteMarkerCreated", filter("", "")), "arn:function", 0},
		"a rule for everything under a prefix":               {queue("arn:queue", "s3:ObjectCreated:*", filter("team-a/", "")), "arn:queue", 0},
		"a rule for the same suffix":                         {queue("arn:queue", "s3:ObjectCreated:*", filter("", ".tflock")), "arn:queue", 0},
		"a rule for a longer suffix":                         {queue("arn:queue", "s3:ObjectCreated:*", filter("", "state.tflock")), "arn:queue", 0},
		"a rule for a shorter suffix":                        {queue("arn:queue", "s3:ObjectCreated:*", filter("", "lock")), "arn:queue", 0},
		"ours of a stack that was deleted is replaced":       {stale, "", 2},
		"the queue is notified of all creations by somebody": {queue(witnessQueue, "s3:ObjectCreated:*", nil), "", 2},
		"the queue is notified of one prefix by somebody":    {queue(witnessQueue, "s3:ObjectCreated:*", filter("a/", ".tflock")), witnessQueue, 0},
	} {
		t.Run(name, func(t *testing.T) {
			after, changed, err := tc.before.with(witnessQueue)
			if tc.overlap != "" {
				if err == nil || changed || !strings.Contains(err.Error(), `"theirs" notifies `+tc.overlap) || !reflect.DeepEqual(after, tc.before) {
					t.Fatalf("%+v, %v, %v", after, changed, err)
				}
				return
			}
			if err != nil || !changed || len(after.Queues) != tc.rules {
				t.Fatalf("%+v, %v, %v", after, changed, err)
			}
			mustNotify(t, after)
			if !reflect.DeepEqual(after.Topics, tc.before.Topics) || !reflect.DeepEqual(after.Functions, tc.before.Functions) || after.EventBridge != tc.before.EventBridge {
				t.Errorf("something else was changed: %+v", after)
			}
			if again, changed, err := after.with(witnessQueue); err != nil || changed || !reflect.DeepEqual(again, after) {
				t.Errorf("a second time: %+v, %v, %v", again, changed, err)
			}
		})
	}
}

func mustNotify(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, n notifications,
) {
	t.Helper()
	for _, rule := range witnessRules {
		if !n.sends(rule.event, witnessQueue) {
			t.Fatalf("the witness is not notified of %s: %+v", rule.event, n)
		}
	}
}

// Whatever is configured: nothing of others is lost, and what is written is what S3 takes,
// in which no two rules have an event of one key in common.
func TestMergingLosesNothingOfOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var before notifications
		for i := range rapid.IntRange(0, 4).Draw(t, "rules") {
			id := string(rune('a' + i))
			events := []types.Event{rapid.SampledFrom([]types.Event{"s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete", "s3:ObjectTagging:*", "s3:LifecycleExpiration:*"}).Draw(t, "event")}
			f := filter(rapid.SampledFrom([]string{"", "a/"}).Draw(t, "prefix"), rapid.SampledFrom([]string{"", ".json", "lock", ".tflock", "e.tflock"}).Draw(t, "suffix"))
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				before.Topics = append(before.Topics, types.TopicConfiguration{Id: &id, TopicArn: aws.String("arn:t"), Events: events, Filter: f})
			case 1:
				before.Functions = append(before.Functions, types.LambdaFunctionConfiguration{Id: &id, LambdaFunctionArn: aws.String("arn:f"), Events: events, Filter: f})
			default:
				before.Queues = append(before.Queues, types.QueueConfiguration{Id: &id, QueueArn: aws.String("arn:q"), Events: events, Filter: f})
			}
		}
		after, changed, err := before.with(witnessQueue)
		if err != nil {
			if changed || !reflect.DeepEqual(after, before) {
				t.Fatalf("refused, and changed: %+v", after)
			}
			return
		}
		mustNotify(t, after)
		if len(after.Queues) != len(before.Queues)+2 || !reflect.DeepEqual(after.Queues[:len(before.Queues)], append([]types.QueueConfiguration{}, before.Queues...)) ||
			!reflect.DeepEqual(after.Topics, before.Topics) || !reflect.DeepEqual(after.Functions, before.Functions) {
			t.Fatalf("%+v became %+v", before, after)
		}
	})
}
