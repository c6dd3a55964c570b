package local_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/deploycheck"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

var server *local.AWS

func TestMain(m *testing.M) { local.Main(m, &server) }

// nestedTemplate is that of the stack for Amazon Q.
const nestedTemplate = "infra/chat/amazon-q.yaml"

// resources are those of a template of this repository after the real SAM transform.
func resources(t *testing.T, file string) map[string]deploycheck.Resource {
	t.Helper()
	template, err := deploycheck.Load(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return template.Resources
}

// The button finds its values where an alert has them, and runs a command that the unlock
// function accepts. Amazon Q itself cannot be asked here.
func TestTheReleaseButtonFitsTheAlert(t *testing.T) {
	topic, err := server.MakeTopic(t.Context(), "alerts")
	if err != nil {
		t.Fatal(err)
	}
	const id = "78007e4f-7284-5b8c-b34c-620445a03e9c"
	composer := alert.Composer{Region: local.Region, UnlockFunction: "UnlockFunction"} // what a Ref is resolved to below
	e := composer.Lock(alert.LockStuck, policy.Description{ID: id, Path: "b/k", Verdict: policy.Stuck}, 1, time.Now())
	if err := alert.NewTopic(sns.NewFromConfig(server.Config()), topic).Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	published, err := server.Published(topic)
	if err != nil {
		t.Fatal(err)
	}
	var notification map[string]any
	if err := json.Unmarshal([]byte(published[0].Texts["https"]), &notification); err != nil {
		t.Fatal(err)
	}

	var action struct {
		Definition struct {
			CommandText string
		}
		Attachments []struct {
			NotificationType, ButtonText string
			Criteria                     []struct {
				Operator, VariableName string
				Value                  map[string]string
			}
			Variables map[string]string
		}
	}
	decode(t, resources(t, nestedTemplate)["ReleaseAction"].Properties, &action)
	if n := len(action.Definition.CommandText); n > 100 { // what the API takes; CloudFormation's page says 5,000
		t.Errorf("the command has %d characters", n)
	}
	if len(action.Attachments) != 1 || action.Attachments[0].NotificationType != "Custom" {
		t.Fatalf("got %+v", action.Attachments)
	}
	button, command := action.Attachments[0], action.Definition.CommandText
	values := map[string]string{}
	for name, path := range button.Variables {
		var at any = map[string]any{"event": notification}
		for step := range strings.SplitSeq(path, ".") {
			inside, _ := at.(map[string]any)
			at = inside[step]
		}
		values[name] = fmt.Sprint(at)
		command = strings.ReplaceAll(command, "$"+name, values[name])
	}
	for _, c := range button.Criteria {
		if value := values[c.VariableName]; value == "" || value == "<nil>" || (c.Operator == "EQUALS" && value != c.Value["Ref"]) {
			t.Errorf("the button is not shown, since %s is %q", c.VariableName, value)
		}
	}
	payload := regexp.MustCompile(`--payload (\S+)$`).FindStringSubmatch(command)
	if payload == nil || !strings.HasPrefix(command, "lambda invoke --function-name UnlockFunction --region "+local.Region+" ") {
		t.Fatalf("the command is %q", command)
	}
	request, err := unlock.ParseRequest([]byte(payload[1]))
	if err != nil || request.LockID != id || request.Path != "b/k" || request.Force || request.Reason == "" {
		t.Errorf("got %+v, %v", request, err)
	}
}

// Members of the channel can invoke the unlock function, and nothing else.
func TestTheChannelMayOnlyUnlock(t *testing.T) {
	resources, chat := resources(t, "template.yaml"), resources(t, nestedTemplate)
	only := `[{"Ref":"UnlockInvokePolicyArn"}]`
	if got := encoded(t, resources["AmazonQ"].Properties); !strings.Contains(got, `"UnlockInvokePolicyArn":{"Ref":"UnlockInvokePolicy"}`) {
		t.Errorf("the nested stack gets %s", got)
	}
	role := chat["ChatRole"].Properties
	if got := encoded(t, role["AssumeRolePolicyDocument"]); !strings.Contains(got, `"Condition":{"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}}`) {
		t.Errorf("the role may be assumed for another account: %s", got)
	}
	if got := encoded(t, role["ManagedPolicyArns"]); got != only || role["Policies"] != nil {
		t.Errorf("the role has %s and %v", got, role["Policies"])
	}
	if got := encoded(t, chat["ChatChannel"].Properties["GuardrailPolicies"]); got != only { // else it is AdministratorAccess
		t.Errorf("the guardrail is %s", got)
	}
	policy := encoded(t, resources["UnlockInvokePolicy"].Properties["PolicyDocument"])
	if want := `"Statement":[{"Action":"lambda:InvokeFunction","Effect":"Allow","Resource":{"Fn::GetAtt":["UnlockFunction","Arn"]}}]`; !strings.Contains(policy, want) {
		t.Errorf("the policy is %s", policy)
	}
}

// What cannot be posted is kept, once, and its alarm cannot ring in a circle.
func TestWhatSlackRefusesIsKept(t *testing.T) {
	resources := resources(t, "template.yaml")
	invoke := resources["SlackFunctionEventInvokeConfig"].Properties
	if got := encoded(t, invoke["DestinationConfig"]); got != `{"OnFailure":{"Destination":{"Fn::GetAtt":["SlackDeadLetters","Arn"]}}}` {
		t.Errorf("failures go to %s", got)
	}
	if invoke["MaximumRetryAttempts"] != 0.0 {
		t.Errorf("Lambda retries %v times", invoke["MaximumRetryAttempts"])
	}
	if got := encoded(t, resources["SlackFunctionAlerts"].Properties["RedrivePolicy"]); !strings.Contains(got, "SlackDeadLetters") {
		t.Errorf("what SNS cannot deliver goes to %s", got)
	}
	if queue := resources["SlackDeadLetters"].Properties; queue["MessageRetentionPeriod"] != 1209600.0 || queue["SqsManagedSseEnabled"] != true {
		t.Errorf("the queue has %v", queue)
	}
	alarm := resources["SlackFailedAlarm"].Properties
	if alarm["AlarmActions"] == nil || alarm["OKActions"] != nil || alarm["InsufficientDataActions"] != nil {
		t.Error("OK must not be announced: the message would be posted, refused and kept, and the alarm would ring again")
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func decode(t *testing.T, from, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(encoded(t, from)), to); err != nil {
		t.Fatal(err)
	}
}
