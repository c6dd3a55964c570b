package stack_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/lockwarden/lockwarden/infra/deploycheck"
	"github.com/lockwarden/lockwarden/infra/local"
)

// A stack publishes to the topic of another account, once that topic's policy, the one of
// infra/iam/central-topic.yaml, names the stack's account.
func TestManyAccountsTellOneTopic(t *testing.T) {
	const member, central = "123456789012", "999988887777"
	cfg := server.Config()
	cfg.APIOptions = append(cfg.APIOptions, smithyhttp.AddHeaderValue("x-moto-account-id", central)) // called from that account
	client := sns.NewFromConfig(cfg)
	made, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("central")})
	check(t, err)
	topic := aws.ToString(made.TopicArn)
	if !strings.Contains(topic, central) {
		t.Fatalf("the topic is not another account's: %s", topic)
	}
	s := deploy(t, "member", map[string]string{"AlertTopicArn": topic, "StuckAfter": "1ms"})
	fill(t, s)

	result, err := s.Invoke(t.Context(), "monitor", "MonitorFunction", "{}")
	if err != nil || !result.Failed || !strings.Contains(result.Payload, topic) {
		t.Errorf("without a policy the topic takes the message: %v, %s", err, result.Payload)
	}
	_, err = client.SetTopicAttributes(t.Context(), &sns.SetTopicAttributesInput{
		TopicArn: &topic, AttributeName: aws.String("Policy"), AttributeValue: aws.String(centralPolicy(t, topic, member)),
	})
	check(t, err)
	if err := s.Scan(t.Context()); err != nil {
		t.Fatalf("with the policy: %v", err)
	}
	published, err := server.Published(topic)
	if err != nil || len(published) != 1 || published[0].Attributes["type"] != "lock.stuck" {
		t.Errorf("the topic got %+v, %v", published, err)
	}
}

// centralPolicy is the policy that the template makes for a topic and a member.
func centralPolicy(t *testing.T, topic, member string) string {
	t.Helper()
	central := central(t, map[string]string{"MemberAccounts": member})
	policy, err := json.Marshal(central.Resources["TopicPolicy"].Properties["PolicyDocument"])
	check(t, err)
	return strings.ReplaceAll(string(policy), central.Resources["TopicPolicy"].Properties["Topics"].([]any)[0].(string), topic)
}

// central is infra/iam/central-topic.yaml as it is deployed with these parameters.
func central(t *testing.T, parameters map[string]string) deploycheck.Deployed {
	t.Helper()
	template, err := deploycheck.Load(t.Context(), "infra/iam/central-topic.yaml")
	check(t, err)
	deployed, err := deploycheck.Evaluate(template, deploycheck.Place{Region: local.Region, Account: "999988887777", Stack: "central", Parameters: parameters})
	check(t, err)
	return deployed
}

// What SNS cannot deliver of a central topic it counts in that topic's account alone: an alarm there says so, by the same topic.
func TestACentralTopicSaysWhatItCannotDeliver(t *testing.T) {
	deployed := central(t, map[string]string{"MemberAccounts": "111122223333"})
	alarm := deployed.Resources["UndeliveredAlarm"].Properties
	if alarm["MetricName"] != "NumberOfNotificationsFailed" || alarm["Namespace"] != "AWS/SNS" {
		t.Fatalf("there is no such alarm: %v", alarm)
	}
	policy, err := json.Marshal(deployed.Resources["TopicPolicy"].Properties["PolicyDocument"])
	check(t, err)
	if !strings.Contains(string(policy), `"aws:SourceAccount":"999988887777"`) {
		t.Errorf("the topic does not take the alarm's message: %s", policy)
	}
}

// Members may publish. Only the accounts that are named for it may subscribe, since a
// subscriber gets the alerts of all members.
func TestMembersSubscribeToTheCentralTopicWhereTheyAreNamed(t *testing.T) {
	for subscribers, want := range map[string]int{"": 0, "111122223333": 1} {
		deployed := central(t, map[string]string{"MemberAccounts": "111122223333,444455556666", "SubscriberAccounts": subscribers})
		policy, err := json.Marshal(deployed.Resources["TopicPolicy"].Properties["PolicyDocument"])
		check(t, err)
		if got := strings.Count(string(policy), `"sns:Subscribe"`); got != want {
			t.Errorf("with %q: %s", subscribers, policy)
		}
	}
}
