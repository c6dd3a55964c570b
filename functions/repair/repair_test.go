package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
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
	var answer repair.Answer
	if err := stack.Ask(t.Context(), "repair", string(payload), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// A client applies, and its digest is not written. Its next plan fails; after accept_state
// it succeeds. Then the state before the last apply is made the newest, and it plans again.
func TestARealClientPlansAfterARepair(t *testing.T) {
	t.Parallel()
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
	if err := stack.AWS().SetDigest(t.Context(), stack.Outputs["LockTableName"], path, value); err != nil {
		t.Fatal(err)
	}
}

// The sample events do what their names say.
func TestSampleEvents(t *testing.T) {
	t.Parallel()
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

// A dashboard shows what a repair would do; a click on the button below it repairs what was
// shown, and nothing else. A refresh does nothing.
func TestADashboardRepairsWhatItShowed(t *testing.T) {
	t.Parallel()
	stack := local.ForTest(t, nil)
	bucket, table, key := stack.Outputs["StateBucketName"], stack.Outputs["LockTableName"], "network/terraform.tfstate"
	path := bucket + "/" + key
	write := func(name string) string {
		t.Helper()
		state, err := os.ReadFile(filepath.Join(local.Root(), "pkg", "tfstate", "testdata", name+".tfstate"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stack.AWS().S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(state)}); err != nil {
			t.Fatal(err)
		}
		return local.MD5(state)
	}
	digest := func() string {
		t.Helper()
		value, err := stack.AWS().Digest(t.Context(), table, path)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	sum := write("applied")
	if err := stack.AWS().SetDigest(t.Context(), table, path, "0123"); err != nil {
		t.Fatal(err)
	}
	dashboard := local.Dashboard{Stack: stack, Context: local.DashboardContext("light", 1280, "+00:00", map[string]string{"name": "ana", "reason": "its digest was denied"})}
	look := local.Button{Endpoint: local.FunctionARN(stack.Resources["RepairFunction"]), Payload: `{"path":"` + path + `","action":"accept_state","dry_run":true}`}
	press := func(b local.Button) *local.Page {
		t.Helper()
		page, err := dashboard.Press(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	planned := press(look)
	buttons := planned.Buttons("Repair")
	if len(buttons) != 1 || !strings.Contains(planned.Text(nil), sum) || !strings.Contains(buttons[0].Confirm, path) || digest() != "0123" {
		t.Fatalf("%s", planned.Text(nil))
	}
	for _, b := range []local.Button{look, buttons[0]} {
		refreshed, err := dashboard.Refresh(t.Context(), b.Endpoint, json.RawMessage(b.Payload))
		if err != nil || !strings.Contains(refreshed.Text(nil), "not from a click") || digest() != "0123" {
			t.Errorf("a refresh with the parameters of a repair: %v, %v", refreshed.Text(nil), err)
		}
	}
	other := write("destroyed")
	if text := press(buttons[0]).Text(nil); !strings.Contains(text, "it has changed") || digest() != "0123" {
		t.Errorf("the state is another one than was shown: %s", text)
	}
	if text := press(press(look).Buttons("Repair")[0]).Text(nil); !strings.Contains(text, "✓ Repaired") || digest() != other {
		t.Errorf("it answers %s", text)
	}
	messages, err := stack.AWS().Published(stack.Outputs["AlertTopicArn"])
	if err != nil || len(messages) != 1 || !strings.Contains(messages[0].Texts["email"], "ana (from dashboard lockwarden") || !strings.Contains(messages[0].Texts["email"], "its digest was denied") {
		t.Errorf("%+v, %v", messages, err)
	}
}
