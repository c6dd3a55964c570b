package deploycheck_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/deploycheck"
)

// good is a small template with each kind of thing that is checked, in order.
func good(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile("testdata/good.json")
	if err != nil {
		t.Fatal(err)
	}
	var template map[string]any
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	return template
}

// problems are those of a template that was changed, in a region.
func problems(t *testing.T, template map[string]any, region string) string {
	t.Helper()
	text, err := json.Marshal(template)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := deploycheck.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(deploycheck.All(evaluate(t, parsed, deploycheck.Place{Region: region})))
}

// set puts a value where a path leads; numbers in it are places in lists. nil removes.
func set(template map[string]any, value any, path ...any) {
	var at any = template
	for _, step := range path[:len(path)-1] {
		if i, ok := step.(int); ok {
			at = at.([]any)[i]
		} else {
			at = at.(map[string]any)[step.(string)]
		}
	}
	last := path[len(path)-1]
	if list, ok := at.([]any); ok {
		list[last.(int)] = value
	} else if value == nil {
		delete(at.(map[string]any), last.(string))
	} else {
		at.(map[string]any)[last.(string)] = value
	}
}

func policyOf(resource string) []any {
	return []any{"Resources", resource, "Properties", "Policies", 0, "PolicyDocument", "Statement"}
}

func properties(resource string, path ...any) []any {
	return append([]any{"Resources", resource, "Properties"}, path...)
}

func arnOf(resource string) map[string]any {
	return map[string]any{"Fn::GetAtt": []any{resource, "Arn"}}
}

// apart is a policy that is a resource of its own.
func apart(action string) map[string]any {
	return map[string]any{"Type": "AWS::IAM::Policy", "Properties": map[string]any{
		"Roles": []any{map[string]any{"Ref": "Role"}}, "PolicyName": "apart",
		"PolicyDocument": map[string]any{"Statement": []any{map[string]any{"Effect": "Allow", "Action": action, "Resource": arnOf("Failed")}}},
	}}
}

// Each thing that AWS refuses, or that does not work once deployed, is found.
func TestEachFaultIsFound(t *testing.T) {
	long := strings.Repeat("x", 11000)
	statement := func(text string) map[string]any {
		return map[string]any{"Effect": "Allow", "Action": "s3:GetObject", "Resource": text}
	}
	for name, tc := range map[string]struct {
		change func(template map[string]any)
		want   string
	}{
		"nothing": {func(map[string]any) {}, "[]"},
		"a role that may not write to the failure destination": {
			func(m map[string]any) { set(m, statement("arn:aws:s3:::b/k"), append(policyOf("Role"), 1)...) },
			"Lambda refuses the destination of Function: Role may not sqs:SendMessage",
		},
		"a permission in a policy apart that nothing waits for": {func(m map[string]any) {
			set(m, statement("arn:aws:s3:::b/k"), append(policyOf("Role"), 1)...)
			set(m, apart("sqs:SendMessage"), "Resources", "Apart")
		}, "Role is allowed sqs:SendMessage by Apart, which Invoke does not wait for: a race"},
		"a permission in a policy apart that is waited for": {func(m map[string]any) {
			set(m, statement("arn:aws:s3:::b/k"), append(policyOf("Role"), 1)...)
			set(m, apart("sqs:SendMessage"), "Resources", "Apart")
			set(m, "Apart", "Resources", "Invoke", "DependsOn")
		}, "[]"},
		"a destination of a function that nobody calls without waiting": {func(m map[string]any) {
			for _, other := range []string{"Schedule", "Subscription"} {
				set(m, nil, "Resources", other)
			}
		}, "Function is only called synchronously"},
		"a dead-letter queue of a function that it may not write to": {func(m map[string]any) {
			set(m, map[string]any{"TargetArn": arnOf("Source")}, properties("Function", "DeadLetterConfig")...)
		}, "Lambda refuses its dead-letter queue"},
		"a role that Lambda may not assume": {func(m map[string]any) {
			set(m, "ec2.amazonaws.com", properties("Role", "AssumeRolePolicyDocument", "Statement", 0, "Principal", "Service")...)
		}, "Lambda may not assume Role"},
		"a function without a log group": {func(m map[string]any) { set(m, nil, properties("Function", "LoggingConfig")...) }, "no log group of its own"},
		"a function that may not log":    {func(m map[string]any) { set(m, statement("arn:aws:s3:::b/k"), append(policyOf("Role"), 0)...) }, "it cannot log"},
		"an event source that the role may not read": {func(m map[string]any) {
			set(m, "sqs:ReceiveMessage", append(policyOf("Role"), 2, "Action")...)
		}, "Lambda refuses the event source of Function: Role may not sqs:DeleteMessage"},
		"a queue that shows a message again before the function gives up": {func(m map[string]any) {
			set(m, 20, properties("Source", "VisibilityTimeout")...)
		}, "visibility timeout of 20 s is less than the timeout of Function, 30 s"},
		"a schedule whose role Scheduler may not assume": {func(m map[string]any) {
			set(m, "lambda.amazonaws.com", properties("ScheduleRole", "AssumeRolePolicyDocument", "Statement", 0, "Principal", "Service")...)
		}, "Scheduler refuses it"},
		"a schedule that may not invoke":           {func(m map[string]any) { set(m, arnOf("Failed"), append(policyOf("ScheduleRole"), 0, "Resource")...) }, "it cannot invoke its target"},
		"a schedule that may not keep what fails":  {func(m map[string]any) { set(m, arnOf("Function"), append(policyOf("ScheduleRole"), 1, "Resource")...) }, "what it cannot deliver is lost"},
		"a function that its topic may not invoke": {func(m map[string]any) { set(m, nil, "Resources", "Permission") }, "nothing lets SNS invoke"},
		"a permission for another topic": {func(m map[string]any) {
			set(m, "arn:aws:sns:us-east-1:1:other", properties("Permission", "SourceArn")...)
		}, "nothing lets SNS invoke"},
		"a dead-letter queue that the topic may not send to": {func(m map[string]any) {
			set(m, nil, "Resources", "QueuePolicy")
		}, "no queue policy lets SNS send"},
		"a bucket that notifies before the queue lets it": {func(m map[string]any) { set(m, nil, "Resources", "Bucket", "DependsOn") }, "S3 refuses to notify"},
		"a topic policy that locks CloudWatch out": {func(m map[string]any) {
			set(m, map[string]any{"Type": "AWS::SNS::TopicPolicy", "Properties": map[string]any{
				"Topics": []any{map[string]any{"Ref": "Topic"}}, "PolicyDocument": map[string]any{"Statement": []any{
					map[string]any{"Effect": "Allow", "Principal": map[string]any{"AWS": "123456789012"}, "Action": "sns:Publish", "Resource": map[string]any{"Ref": "Topic"}},
				}},
			}}, "Resources", "TopicPolicy")
		}, "does not let CloudWatch publish"},
		"a topic under a key that CloudWatch cannot use": {func(m map[string]any) {
			set(m, "alias/aws/sns", properties("Topic", "KmsMasterKeyId")...)
		}, "CloudWatch cannot use the key of Topic"},
		"policies over IAM's limit, together": {func(m map[string]any) {
			set(m, statement("arn:aws:s3:::"+long[:10000]), append(policyOf("Role"), 1)...)
			set(m, apart("sqs:SendMessage"), "Resources", "Apart")
			set(m, "Apart", "Resources", "Invoke", "DependsOn")
		}, "all inline policies: 10"},
		"a managed policy over IAM's limit": {func(m map[string]any) {
			set(m, map[string]any{"Type": "AWS::IAM::ManagedPolicy", "Properties": map[string]any{"PolicyDocument": map[string]any{"Statement": []any{statement("arn:aws:s3:::" + long)}}}}, "Resources", "Managed")
		}, "AWS takes 6144"},
		"an environment over Lambda's limit": {func(m map[string]any) {
			set(m, long[:4090], properties("Function", "Environment", "Variables", "A")...)
		}, "the environment: 4098, and AWS takes 4096"},
		"an environment at Lambda's limit": {func(m map[string]any) {
			set(m, long[:4088], properties("Function", "Environment", "Variables", "A")...)
		}, "[]"},
		"a dashboard that is not JSON": {func(m map[string]any) { set(m, `{"widgets":[`, properties("Dashboard", "DashboardBody")...) }, "its body is not JSON"},
		"another partition's ARN": {func(m map[string]any) {
			set(m, "arn:aws-cn:sns:us-east-1:123456789012:x", properties("Alarm", "AlarmActions", 0)...)
		}, "it is of the partition aws-cn"},
	} {
		t.Run(name, func(t *testing.T) {
			template := good(t)
			tc.change(template)
			if got := problems(t, template, "us-east-1"); !strings.Contains(got, tc.want) || (tc.want == "[]") != (got == "[]") {
				t.Errorf("found %s, and not %q", got, tc.want)
			}
		})
	}
}

// In each partition its own ARNs, domains and consoles are right, and the others' wrong.
func TestWhatBelongsToAnotherPartitionIsFound(t *testing.T) {
	for region, wrong := range map[string][]any{
		"us-gov-west-1": {"arn:aws:s3:::states", "https://console.aws.amazon.com/"},
		"cn-north-1":    {"arn:aws:s3:::states", "https://console.aws.amazon.com/", "s3.cn-north-1.amazonaws.com", "https://console.amazonaws-us-gov.com/"},
		"eu-central-1":  {"arn:aws-us-gov:s3:::states", "https://console.amazonaws.cn/"},
	} {
		if got := problems(t, good(t), region); got != "[]" {
			t.Errorf("%s: %s", region, got)
		}
		for _, text := range wrong {
			template := good(t)
			set(template, text, properties("Function", "Environment", "Variables", "A")...)
			if got := problems(t, template, region); got == "[]" {
				t.Errorf("%s takes %s", region, text)
			}
		}
	}
}

// A template that CloudFormation could not evaluate is an error that says why.
func TestWhatCannotBeEvaluatedIsAnError(t *testing.T) {
	for name, value := range map[string]any{
		"a resource that is not there":          map[string]any{"Ref": "Nothing"},
		"an attribute of nothing":               map[string]any{"Fn::GetAtt": []any{"Nothing", "Arn"}},
		"a condition that is not there":         map[string]any{"Fn::If": []any{"Nothing", "a", "b"}},
		"an element beyond a list":              map[string]any{"Fn::Select": []any{"3", []any{"a"}}},
		"a function that is not known":          map[string]any{"Fn::Transform": "x"},
		"a resource whose condition is not met": map[string]any{"Ref": "InChinaAlone"},
	} {
		template := good(t)
		set(template, map[string]any{"Type": "AWS::SNS::Topic", "Condition": "InChina"}, "Resources", "InChinaAlone")
		set(template, value, properties("Function", "Environment", "Variables", "A")...)
		text, err := json.Marshal(template)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := deploycheck.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := deploycheck.Evaluate(parsed, deploycheck.Place{Region: "us-east-1"}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
