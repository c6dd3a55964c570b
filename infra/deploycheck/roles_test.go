package deploycheck_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/deploycheck"
)

// Two stacks of an account have no name and no namespace of metrics in common, in one
// region or in two.
func TestTwoStacksLiveSideBySide(t *testing.T) {
	template, _ := whole(t)
	nested, _ := chat(t)
	amazonQ := map[string]string{"SlackWorkspaceId": "T1", "SlackChannelId": "C1", "SlackWebhookParameter": "/slack"}
	one := deploycheck.Place{Region: "us-east-1", Stack: "one", Parameters: amazonQ}
	for name, other := range map[string]deploycheck.Place{
		"in one region":  {Region: "us-east-1", Stack: "two", Parameters: amazonQ},
		"in two regions": {Region: "eu-central-1", Stack: "one", Parameters: amazonQ},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := evaluate(t, template, one), evaluate(t, template, other)
			report(t, deploycheck.Collisions(a, b))
			in := func(d deploycheck.Deployed) deploycheck.Deployed {
				place := d.Place
				given, ok := d.Resources["AmazonQ"].Properties["Parameters"].(map[string]any)
				if !ok {
					t.Fatal("there is no nested stack for Amazon Q")
				}
				place.Parameters = map[string]string{"Name": fmt.Sprint(given["Name"])}
				for parameter := range nested.Parameters {
					if parameter != "Name" {
						place.Parameters[parameter] = "same"
					}
				}
				place.Stack += "-AmazonQ-" + place.Region
				return evaluate(t, nested, place)
			}
			report(t, deploycheck.Collisions(in(a), in(b)))
			if name == "in one region" {
				namespace := func(d deploycheck.Deployed) any {
					return d.Resources["NoScanAlarm"].Properties["Namespace"]
				}
				if namespace(a) == namespace(b) || namespace(a) != "Lockwarden/one" {
					t.Errorf("the metrics of both are in %v: one keeps the other's dead man's switch quiet", namespace(a))
				}
			}
		})
	}
	for name, change := range map[string]any{"${AWS::Region}": "in one region", "${AWS::StackName}": "in two regions"} {
		broken := good(t)
		set(broken, map[string]any{"Fn::Sub": name}, properties("Dashboard", "DashboardName")...)
		text, err := json.Marshal(broken)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := deploycheck.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		other := deploycheck.Place{Region: "us-east-1", Stack: "two"}
		if change == "in two regions" {
			other = deploycheck.Place{Region: "eu-central-1", Stack: "one"}
		}
		if len(deploycheck.Collisions(evaluate(t, parsed, one), evaluate(t, parsed, other))) == 0 {
			t.Errorf("a dashboard that is named %s alone is not found %v", name, change)
		}
	}
}

// A role that the stack makes, itself or through SAM, has the boundary that was given.
func TestEveryRoleIsBounded(t *testing.T) {
	template, _ := whole(t)
	nested, _ := chat(t)
	boundary := "arn:aws:iam::" + account + ":policy/boundary"
	all := map[string]string{"PermissionsBoundaryArn": boundary, "SlackWebhookParameter": "/slack"}
	for _, of := range []deploycheck.Template{template, nested} {
		place := deploycheck.Place{Region: "us-east-1", Parameters: map[string]string{}}
		for name, value := range all {
			if _, ok := of.Parameters[name]; ok {
				place.Parameters[name] = value
			}
		}
		d := evaluate(t, of, place)
		roles := d.Of("AWS::IAM::Role")
		for _, role := range roles {
			if got := d.Resources[role].Properties["PermissionsBoundary"]; got != boundary {
				t.Errorf("%s has the boundary %v", role, got)
			}
		}
		if len(roles) == 0 {
			t.Error("no roles were found")
		}
		for _, role := range evaluate(t, of, deploycheck.Place{Region: "us-east-1"}).Of("AWS::IAM::Role") {
			if _, has := evaluate(t, of, deploycheck.Place{Region: "us-east-1"}).Resources[role].Properties["PermissionsBoundary"]; has {
				t.Errorf("%s has a boundary, and none was given", role)
			}
		}
	}
}

// Whoever publishes to a topic of yours may use the key that encrypts it, and nobody else.
func TestEverybodyWhoPublishesMayUseTheKeyOfTheTopic(t *testing.T) {
	template, _ := whole(t)
	d := evaluate(t, template, deploycheck.Place{Region: "us-east-1", Parameters: map[string]string{
		"PruneMode": "report", "SlackWebhookParameter": "/slack", "WatchKmsKeyArns": "arn:aws:kms:us-east-1:" + account + ":key/1", "AlertTopicArn": "arn:aws:sns:us-east-1:" + account + ":a",
	}})
	publishers := 0
	for _, role := range d.Of("AWS::IAM::Role") {
		actions := d.Actions(role)
		if !slices.Contains(actions, "sns:Publish") {
			continue
		}
		publishers++
		for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey"} {
			if !slices.Contains(actions, action) {
				t.Errorf("%s publishes, and lacks %s: SNS refuses what it sends to an encrypted topic", role, action)
			}
		}
	}
	if publishers < 5 {
		t.Errorf("only %d roles publish", publishers)
	}
}

// What each function may do depends on what it is there for.
func TestRolesHaveNoMoreThanTheirParametersNeed(t *testing.T) {
	template, _ := whole(t)
	granted := func(parameters map[string]string, role string) []string {
		d := evaluate(t, template, deploycheck.Place{Region: "us-east-1", Parameters: parameters})
		return d.Actions(role)
	}
	key := "arn:aws:kms:us-east-1:" + account + ":key/1"
	for name, tc := range map[string]struct {
		parameters map[string]string
		role       string
		has, not   []string
	}{
		"a prune that only reports cannot write": {
			map[string]string{"PruneMode": "report", "WatchKmsKeyArns": key},
			"PruneRole",
			[]string{"s3:GetObject", "dynamodb:BatchGetItem", "kms:Decrypt"},
			[]string{"s3:PutObject", "s3:DeleteObject", "kms:GenerateDataKey"},
		},
		"a prune that deletes writes as the state is encrypted": {
			map[string]string{"WatchKmsKeyArns": key}, "PruneRole", []string{"s3:PutObject", "s3:DeleteObject", "kms:GenerateDataKey", "kms:Decrypt"}, nil,
		},
		"readers make no data keys": {map[string]string{"WatchKmsKeyArns": key}, "MonitorRole", []string{"kms:Decrypt"}, []string{"kms:GenerateDataKey"}},
		"publishing to an encrypted topic takes data keys": {
			map[string]string{"WatchKmsKeyArns": key, "AlertTopicArn": "arn:aws:sns:us-east-1:" + account + ":a"}, "MonitorRole", []string{"kms:GenerateDataKey"}, nil,
		},
		"the console publishes nothing": {
			map[string]string{"WatchKmsKeyArns": key, "AlertTopicArn": "arn:aws:sns:us-east-1:" + account + ":a"}, "ConsoleRole", []string{"kms:Decrypt"}, []string{"kms:GenerateDataKey", "sns:Publish", "sqs:SendMessage"},
		},
		"no store is searched for without a pattern": {
			map[string]string{"WatchTableArns": "arn:aws:dynamodb:us-east-1:" + account + ":table/a", "WatchBucketArns": "arn:aws:s3:::a"}, "MonitorRole", nil, []string{"s3:ListAllMyBuckets", "dynamodb:ListTables", "dynamodb:DescribeTable"},
		},
		"tables are searched by a pattern of tables":                      {map[string]string{"WatchTableArns": "arn:aws:dynamodb:us-east-1:" + account + ":table/a*"}, "UnlockRole", []string{"dynamodb:ListTables"}, []string{"s3:ListAllMyBuckets"}},
		"the tables that a pattern matches are described, by the monitor": {map[string]string{"WatchTableArns": "arn:aws:dynamodb:us-east-1:" + account + ":table/a*"}, "MonitorRole", []string{"dynamodb:DescribeTable"}, nil},
		"the tables that a pattern matches are described, by a release":   {map[string]string{"WatchTableArns": "arn:aws:dynamodb:us-east-1:" + account + ":table/a*"}, "UnlockRole", []string{"dynamodb:DescribeTable"}, nil},
		"the tables that a pattern matches are described, by a report":    {map[string]string{"PruneMode": "report", "WatchTableArns": "arn:aws:dynamodb:us-east-1:" + account + ":table/a*"}, "PruneRole", []string{"dynamodb:DescribeTable"}, []string{"s3:PutObject"}},
		"buckets are searched by a pattern of buckets":                    {map[string]string{"WatchBucketArns": "arn:aws:s3:::a,arn:aws:s3:::*-tfstate"}, "PruneRole", []string{"s3:ListAllMyBuckets"}, []string{"dynamodb:ListTables"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := granted(tc.parameters, tc.role)
			for _, action := range tc.has {
				if !slices.Contains(got, action) {
					t.Errorf("%s lacks %s: %v", tc.role, action, got)
				}
			}
			for _, action := range tc.not {
				if slices.Contains(got, action) {
					t.Errorf("%s may %s", tc.role, action)
				}
			}
		})
	}
	t.Run("without tables there is no digest, and unlock reads no state", func(t *testing.T) {
		with := evaluate(t, template, deploycheck.Place{Region: "us-east-1"})
		without := evaluate(t, template, deploycheck.Place{Region: "us-east-1", Parameters: map[string]string{"CreateBackend": "false", "WatchBucketArns": "arn:aws:s3:::b"}})
		if !with.May("UnlockRole", "s3:GetObject", with.Resources["StateBucketPolicy"].Properties["PolicyDocument"].(map[string]any)["Statement"].([]any)[0].(map[string]any)["Resource"].([]any)[0].(string)+"/a/terraform.tfstate") {
			t.Error("with a table it may not compare a digest")
		}
		if without.May("UnlockRole", "s3:GetObject", "arn:aws:s3:::b/a/terraform.tfstate") || !without.May("UnlockRole", "s3:GetObject", "arn:aws:s3:::b/a/terraform.tfstate.tflock") {
			t.Error("without a table it reads something else than lock objects")
		}
	})
	t.Run("keys are used through the services that hold what they encrypt", func(t *testing.T) {
		d := evaluate(t, template, deploycheck.Place{Region: "cn-north-1", Parameters: map[string]string{"WatchKmsKeyArns": "arn:aws-cn:kms:cn-north-1:" + account + ":key/1", "SlackWebhookParameter": "/slack"}})
		for _, policy := range []string{"UseKeys", "WriteWithKeys"} {
			if text := fmt.Sprint(d.Resources[policy].Properties["PolicyDocument"]); !strings.Contains(text, "kms:ViaService:[s3.*.amazonaws.com.cn dynamodb.*.amazonaws.com.cn]") {
				t.Errorf("%s: %s", policy, text)
			}
		}
		if text := fmt.Sprint(d.Resources["SlackRole"].Properties["Policies"]); !strings.Contains(text, "kms:ViaService:ssm.cn-north-1.amazonaws.com.cn") {
			t.Error(text)
		}
	})
}
