package stack_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/version"
)

// Every function, run as Lambda runs it, with the environment and under the role that
// the stack gave it, answers every sample event of its own with the outcome that the
// event's name says. A new function is in here by itself.
func TestEachFunctionDoesItsJobUnderItsRole(t *testing.T) {
	w := newWorld(t)
	for function, logicalID := range functions(t) {
		payloads := events(t, function)
		if len(payloads) == 0 {
			t.Errorf("functions/%s has no events/%s-*.json", function, function)
		}
		for name, payload := range payloads {
			t.Run(function+" "+name, func(t *testing.T) {
				w.clear(t)
				result, err := w.prepare(t, function, name).Invoke(t.Context(), function, logicalID, payload)
				if err != nil {
					t.Fatal(err)
				}
				mustBeAsNamed(t, function, name, result)
			})
		}
		nothingUnused(t, w, logicalID)
	}
	for _, stack := range []*local.Stack{w.quick, w.careful} {
		messages, err := server.Published(stack.Outputs["AlertTopicArn"])
		if check(t, err); len(messages) == 0 {
			t.Error("nothing was published")
		}
		for _, m := range messages {
			if !strings.Contains(m.Texts["default"], `"lockwarden_version":"`+version.Current+`"`) {
				t.Errorf("a message does not say which version sent it: %s", m.Texts["default"])
			}
		}
	}
}

// mustBeAsNamed wants the outcome that a sample event's name says.
func mustBeAsNamed(t *testing.T, function, name string, result local.Result) {
	t.Helper()
	// In the partial case the bucket refuses, not the role.
	if said := result.Payload + result.Log; name != "partial" && (strings.Contains(said, "not authorized") || strings.Contains(said, "AccessDenied")) {
		t.Errorf("its role does not allow it: %s", said)
	}
	if want := strings.HasPrefix(name, "invalid"); result.Failed != want {
		t.Fatalf("failed: %v\n%s\n%s", result.Failed, result.Payload, result.Log)
	}
	if !strings.Contains(result.Log, version.Current) {
		t.Errorf("its log does not say its version: %s", result.Log)
	}
	if malformed := strings.Count(name, "malformed"); function == "witness" && strings.Count(result.Payload, "itemIdentifier") != malformed {
		t.Errorf("%d events failed: %s\n%s", strings.Count(result.Payload, "itemIdentifier"), result.Payload, result.Log)
	}
	var answer struct{ Outcome string }
	if want, _, _ := strings.Cut(name, "-"); json.Unmarshal([]byte(result.Payload), &answer) == nil && !strings.HasPrefix(answer.Outcome, want) && answer.Outcome != "" {
		t.Errorf("the outcome is %s", result.Payload)
	}
}

// unseen are actions that AWS takes on a function's behalf, and no call of its own
// shows: its logs, its dead letters, what Lambda receives for it, and the keys of what it
// reads and writes.
var unseen = []string{
	"logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "kms:Decrypt", "kms:GenerateDataKey",
}

// searching are granted only where a name with * is watched, which these stacks do not.
var searching = []string{"dynamodb:ListTables", "dynamodb:DescribeTable", "s3:ListAllMyBuckets"}

// asking are granted only where CI systems are asked or locks released automatically, which
// these stacks do not; infra/deploycheck checks who gets them, and when.
var asking = []string{"ssm:GetParameter", "s3:GetObjectTagging", "codebuild:ListBuilds", "codebuild:BatchGetBuilds", "ec2:DescribeInstances", "lambda:InvokeFunction"}

// nothingUnused says which actions a function's role grants that no sample event made
// it use: either nobody needs them, or a sample event is missing.
func nothingUnused(t *testing.T, w *world, logicalID string) {
	t.Helper()
	used := slices.Concat(unseen, searching, asking)
	if slices.Contains([]string{"WitnessFunction", "RepairFunction", "ReportFunction"}, logicalID) {
		used = append(used, "s3:ListBucket") // with it S3 says that an object is gone, and else it refuses
	}
	for _, s := range []*local.Stack{w.quick, w.careful} {
		actions, err := server.Used(s.Roles[logicalID])
		check(t, err)
		used = append(used, actions...)
	}
	role := strings.TrimSuffix(logicalID, "Function") + "Role"
	for _, g := range grants(load(t)) {
		if !strings.HasPrefix(g.of, role+" ") && !strings.Contains(fmt.Sprint(g.roles), role) {
			continue
		}
		for _, action := range g.actions {
			if !slices.Contains(used, action) {
				t.Errorf("%s grants %s, and no sample event uses it: %s", role, action, g.of)
			}
		}
	}
}

// A role may do nothing to a table or bucket that the stack's parameters do not name.
func TestRolesTouchNothingElse(t *testing.T) {
	w := newWorld(t)
	table, bucket := aws.String("somebody-elses"), aws.String("somebody-elses")
	if _, err := server.MakeTable(t.Context(), *table, "LockID"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.MakeBucket(t.Context(), *bucket); err != nil {
		t.Fatal(err)
	}
	key := map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: "states/k"}}
	object := aws.String("k.tflock")
	for logicalID := range w.quick.Functions {
		session, err := w.quick.As(t.Context(), logicalID)
		if err != nil {
			t.Fatal(err)
		}
		db, objects := dynamodb.NewFromConfig(session.Config()), session.S3()
		for name, call := range map[string]func(ctx context.Context) error{
			"scan": func(ctx context.Context) error { return failure(db.Scan(ctx, &dynamodb.ScanInput{TableName: table})) },
			"get an item": func(ctx context.Context) error {
				return failure(db.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: key}))
			},
			"put an item": func(ctx context.Context) error {
				return failure(db.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: key}))
			},
			"update an item": func(ctx context.Context) error {
				return failure(db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: table, Key: key}))
			},
			"delete an item": func(ctx context.Context) error {
				return failure(db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: table, Key: key}))
			},
			"delete the table": func(ctx context.Context) error {
				return failure(db.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: table}))
			},
			"list a bucket": func(ctx context.Context) error {
				return failure(objects.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket}))
			},
			"get an object": func(ctx context.Context) error {
				return failure(objects.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: object}))
			},
			"put an object": func(ctx context.Context) error {
				return failure(objects.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: object}))
			},
			"delete an object": func(ctx context.Context) error {
				return failure(objects.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: object}))
			},
		} {
			if err := call(t.Context()); err == nil || !denied(err) {
				t.Errorf("%s may %s of somebody else's: %v", logicalID, name, err)
			}
		}
	}
}

// denied reports whether IAM refused a call.
func denied(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && strings.HasPrefix(api.ErrorCode(), "AccessDenied")
}

func failure[T any](_ T, err error) error { return err }
