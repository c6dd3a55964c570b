package stack_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/infra/stack"
)

// A stack tells the topic of another account, once that topic's policy, the one of
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
	result, err = s.Invoke(t.Context(), "monitor", "MonitorFunction", "{}")
	if err != nil || result.Failed {
		t.Fatalf("with the policy: %v, %s", err, result.Payload)
	}
	told, err := server.Published(topic)
	if err != nil || len(told) != 1 || told[0].Attributes["type"] != "lock.stuck" {
		t.Errorf("the topic got %+v, %v", told, err)
	}
}

// centralPolicy is the policy that the template makes for a topic and a member.
func centralPolicy(t *testing.T, topic, member string) string {
	t.Helper()
	text, err := local.Transform(t.Context(), filepath.Join(local.Root(), "infra", "iam", "central-topic.yaml"))
	check(t, err)
	var template stack.Template
	check(t, json.Unmarshal(text, &template))
	policy, err := json.Marshal(template.Resources["TopicPolicy"].Properties["PolicyDocument"])
	check(t, err)
	return strings.NewReplacer(`{"Ref":"Topic"}`, `"`+topic+`"`, `{"Ref":"MemberAccounts"}`, `["`+member+`"]`).Replace(string(policy))
}
