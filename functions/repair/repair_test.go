package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/repair"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// invoke runs the built function as Lambda does.
func invoke(t *testing.T, stack *local.Stack, request repair.Request) repair.Answer {
	t.Helper()
	payload, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	result, err := stack.Invoke(t.Context(), "repair", "RepairFunction", string(payload))
	var answer repair.Answer
	if err == nil {
		err = json.Unmarshal([]byte(result.Payload), &answer)
	}
	if err != nil || result.Failed {
		t.Fatalf("%v: %s\n%s", err, result.Payload, result.Log)
	}
	return answer
}

// A client applies, and its digest is not written. Its next plan fails; after accept_state
// it succeeds. Then the state before the last apply is made the newest, and it plans again.
func TestARealClientPlansAfterARepair(t *testing.T) {
	stack := local.ForTest(t, nil)
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range clients {
		t.Run(client.Name, func(t *testing.T) {
			t.Parallel()
			key := "network/" + strings.ReplaceAll(client.Name, " ", "-") + "/terraform.tfstate"
			path := stack.Outputs["StateBucketName"] + "/" + key
			w, err := stack.Workspace(t.Context(), client, t.TempDir(), key, local.ByBoth)
			if err != nil {
				t.Fatal(err)
			}
			if out, err := w.Run(t.Context(), "apply", "-auto-approve"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			first := version(t, stack, key)
			setDigest(t, stack, path, "0123456789abcdef0123456789abcdef")
			if out, err := w.Run(t.Context(), "plan"); err == nil {
				t.Fatalf("a plan with a wrong digest succeeded:\n%s", out)
			}
			request := repair.Request{Path: tflock.Path(path), Action: policy.AcceptState, Reason: "its digest was not written", RequestedBy: "ana"}
			answer := invoke(t, stack, request)
			if answer.Outcome != repair.Repaired || answer.Before.StateMD5 != answer.After.StateMD5 {
				t.Fatalf("%+v", answer)
			}
			if out, err := w.Run(t.Context(), "plan"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if out, err := w.Run(t.Context(), "destroy", "-auto-approve"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			request.Action, request.VersionID, request.Reason = policy.RestoreVersion, first, "destroyed by mistake"
			if answer = invoke(t, stack, request); answer.Outcome != repair.Repaired {
				t.Fatalf("%+v", answer)
			}
			out, err := w.Run(t.Context(), "plan", "-detailed-exitcode")
			if err != nil {
				t.Fatalf("the restored state does not plan, or differs from the configuration: %v\n%s", err, out)
			}
		})
	}
}

func version(t *testing.T, stack *local.Stack, key string) string {
	t.Helper()
	out, err := stack.AWS().S3().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(stack.Outputs["StateBucketName"]), Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.VersionId)
}

func setDigest(t *testing.T, stack *local.Stack, path, value string) {
	t.Helper()
	if _, err := dynamodb.NewFromConfig(stack.AWS().Config()).PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String(stack.Outputs["LockTableName"]),
		Item:      map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: path + "-md5"}, "Digest": &types.AttributeValueMemberS{Value: value}},
	}); err != nil {
		t.Fatal(err)
	}
}

// The sample events do what their names say.
func TestSampleEvents(t *testing.T) {
	stack := local.ForTest(t, nil)
	files, err := filepath.Glob(filepath.Join(local.Root(), "events", "repair-*.json"))
	if err != nil || len(files) != 5 {
		t.Fatalf("%d sample events, %v", len(files), err)
	}
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		result, err := stack.Invoke(t.Context(), "repair", "RepairFunction", string(payload))
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		if invalid := strings.HasPrefix(name, "repair-invalid-"); result.Failed != invalid || !strings.Contains(result.Payload, map[bool]string{true: "version_id", false: "is not watched"}[invalid]) {
			t.Errorf("%s: failed %v: %s", name, result.Failed, result.Payload)
		}
	}
}
