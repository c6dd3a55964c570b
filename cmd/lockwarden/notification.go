package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// notifications are the whole notification configuration of a bucket, in the form that the
// AWS CLI reads: S3 knows one, and a put replaces all of it.
type notifications struct {
	Topics      []types.TopicConfiguration          `json:"TopicConfigurations,omitempty"`
	Queues      []types.QueueConfiguration          `json:"QueueConfigurations,omitempty"`
	Functions   []types.LambdaFunctionConfiguration `json:"LambdaFunctionConfigurations,omitempty"`
	EventBridge *types.EventBridgeConfiguration     `json:"EventBridgeConfiguration,omitempty"`
}

// witnessRules are the events that the witness is notified of, by the name of their rule.
var witnessRules = []struct {
	name  string
	event types.Event
}{
	{"lockwarden-created", "s3:ObjectCreated:*"},
	{"lockwarden-removed", "s3:ObjectRemoved:*"},
}

// overlapError says that another rule is notified of the same events of lock objects: S3
// refuses two such rules in one bucket.
type overlapError struct{ rule, destination string }

func (e *overlapError) Error() string {
	return fmt.Sprintf("its rule %q notifies %s of the same events of .tflock objects, and S3 takes no second one: give that rule a suffix or prefix that leaves them out, "+
		"or have what it notifies pass them on. Nothing was changed", e.rule, e.destination)
}

// with returns the configuration with the rules of the witness added, and whether anything is
// new. Everything else stays as it is. It fails with *overlapError.
func (n notifications) with(queue string) (notifications, bool, error) {
	var missing []int
	for i, rule := range witnessRules {
		if !n.sends(rule.event, queue) {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return n, false, nil
	}
	merged := n
	merged.Queues = nil
	for _, q := range n.Queues {
		if !isWitnessRule(aws.ToString(q.Id)) { // of another stack, or changed by hand
			merged.Queues = append(merged.Queues, q)
		}
	}
	for _, rule := range witnessRules {
		if merged.sends(rule.event, queue) {
			continue
		}
		if err := merged.overlap(rule.event); err != nil {
			return n, false, err
		}
		merged.Queues = append(merged.Queues, types.QueueConfiguration{
			Id: aws.String(rule.name), QueueArn: aws.String(queue), Events: []types.Event{rule.event},
			Filter: &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{{Name: types.FilterRuleNameSuffix, Value: aws.String(tflock.Suffix)}}}},
		})
	}
	return merged, true, nil
}

// replaced are the other queues whose rules would go: those of another stack, or of one that
// was deleted.
func (n notifications) replaced(queue string) []string {
	var others []string
	for _, q := range n.Queues {
		if other := aws.ToString(q.QueueArn); isWitnessRule(aws.ToString(q.Id)) && other != queue && !slices.Contains(others, other) {
			others = append(others, other)
		}
	}
	return others
}

func isWitnessRule(id string) bool {
	return id == witnessRules[0].name || id == witnessRules[1].name
}

// sends reports whether the queue is notified of that event of every lock object.
func (n notifications) sends(event types.Event, queue string) bool {
	for _, q := range n.Queues {
		prefix, suffix := filterOf(q.Filter)
		if aws.ToString(q.QueueArn) == queue && prefix == "" && strings.HasSuffix(tflock.Suffix, suffix) && includes(q.Events, event) {
			return true
		}
	}
	return false
}

// includes reports whether events have one as a whole.
func includes(events []types.Event, one types.Event) bool {
	for _, e := range events {
		if e == one {
			return true
		}
	}
	return false
}

// overlap names the rule that is notified of an event of any lock object already.
func (n notifications) overlap(event types.Event) error {
	for _, r := range n.rules() {
		if r.hears(event) {
			return &overlapError{aws.ToString(r.id), aws.ToString(r.destination)}
		}
	}
	return nil
}

// rule is what a bucket notifies one destination of.
type rule struct {
	id, destination *string
	events          []types.Event
	filter          *types.NotificationConfigurationFilter
}

func (n notifications) rules() []rule {
	var all []rule
	for _, c := range n.Topics {
		all = append(all, rule{c.Id, c.TopicArn, c.Events, c.Filter})
	}
	for _, c := range n.Queues {
		all = append(all, rule{c.Id, c.QueueArn, c.Events, c.Filter})
	}
	for _, c := range n.Functions {
		all = append(all, rule{c.Id, c.LambdaFunctionArn, c.Events, c.Filter})
	}
	return all
}

// hears reports whether the rule is about such an event of any lock object. The witness's
// prefix is empty, which overlaps with every other.
func (r rule) hears(event types.Event) bool {
	_, suffix := filterOf(r.filter)
	if !strings.HasSuffix(tflock.Suffix, suffix) && !strings.HasSuffix(suffix, tflock.Suffix) {
		return false
	}
	return slices.ContainsFunc(r.events, func(e types.Event) bool { return common(e, event) })
}

// common reports whether two names of events, of which each may end in *, have an event in common.
func common(a, b types.Event) bool {
	x, anyX := strings.CutSuffix(string(a), "*")
	y, anyY := strings.CutSuffix(string(b), "*")
	return x == y || (anyX && strings.HasPrefix(y, x)) || (anyY && strings.HasPrefix(x, y))
}

// filterOf returns the prefix and the suffix of the keys that a rule is for.
func filterOf(f *types.NotificationConfigurationFilter) (prefix, suffix string) {
	if f == nil || f.Key == nil {
		return "", ""
	}
	for _, r := range f.Key.FilterRules {
		switch strings.ToLower(string(r.Name)) {
		case "prefix":
			prefix = aws.ToString(r.Value)
		case "suffix":
			suffix = aws.ToString(r.Value)
		}
	}
	return prefix, suffix
}
