package lambda_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/lambda"
	"github.com/lockwarden/lockwarden/infra/local"
)

func TestMain(m *testing.M) { local.Gate(m, local.Services, local.LambdaRIE) }

// Every function answers its sample events under AWS's own emulator as it does under ours:
// with the same fields, or with an error of the same type.
func TestEveryFunctionRunsUnderAWSsOwnEmulator(t *testing.T) {
	server := local.StartForTest(t)
	webhook, err := local.StartWebhook("/services/T0/B0/secret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(webhook.Stop)
	if err := server.MakeSecret(t.Context(), "/lockwarden/slack", webhook.URL); err != nil {
		t.Fatal(err)
	}
	stack, err := server.Deploy(t.Context(), "lockwarden", map[string]string{"SlackWebhookParameter": "/lockwarden/slack"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range functions(t) {
		logicalID := strings.ToUpper(name[:1]) + name[1:] + "Function"
		t.Run(name, func(t *testing.T) {
			if stack.Functions[logicalID] == nil {
				t.Fatalf("the stack has no %s", logicalID)
			}
			samples, err := filepath.Glob(filepath.Join(local.Root(), "events", name+"-*.json"))
			if err != nil || len(samples) == 0 {
				t.Fatalf("%d sample events, %v", len(samples), err)
			}
			binary, err := local.Build(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			session, err := stack.As(t.Context(), logicalID)
			if err != nil {
				t.Fatal(err)
			}
			environment := session.Env()
			maps.Copy(environment, stack.Functions[logicalID])
			environment["AWS_LAMBDA_FUNCTION_NAME"] = stack.Resources[logicalID]
			emulator, err := lambda.Start(t.Context(), binary, environment)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(emulator.Stop)
			time.Sleep(time.Second) // a report does not count what was done in its own second
			for _, sample := range samples {
				payload, err := os.ReadFile(sample)
				if err != nil {
					t.Fatal(err)
				}
				ours, err := stack.Invoke(t.Context(), name, logicalID, string(payload))
				if err != nil {
					t.Fatal(err)
				}
				theirs, err := emulator.Invoke(t.Context(), string(payload))
				if err != nil {
					t.Fatalf("%s: %v\n%s", filepath.Base(sample), err, emulator.Log())
				}
				if got, want := shape(theirs), shape(ours.Payload); got != want {
					t.Errorf("%s: the answer has %s, and with us %s: %.300s\n%s", filepath.Base(sample), got, want, theirs, emulator.Log())
				}
			}
		})
	}
	if len(webhook.Posts()) == 0 {
		t.Error("nothing was posted to Slack")
	}
}

// functions are the folders of functions/, so that none is forgotten.
func functions(t *testing.T) []string {
	t.Helper()
	folders, err := os.ReadDir(filepath.Join(local.Root(), "functions"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, folder := range folders {
		if folder.IsDir() {
			all = append(all, folder.Name())
		}
	}
	return all
}

// shape is what must not differ of two answers: the fields, the type of an error, or that it
// is a page.
func shape(answer string) string {
	var fields map[string]any
	if err := json.Unmarshal([]byte(answer), &fields); err != nil {
		var other any
		_ = json.Unmarshal([]byte(answer), &other) // what is not JSON is nil
		switch other.(type) {
		case string:
			return "a text"
		case nil:
			return "null or nothing: " + answer
		}
		return "something else"
	}
	if kind, failed := fields["errorType"].(string); failed {
		return "an error " + kind
	}
	return strings.Join(slices.Sorted(maps.Keys(fields)), ",")
}
