package stack_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

var runbookLink = regexp.MustCompile(`Runbook: https://github\.com/lockwarden/lockwarden/blob/main/infra/runbooks/([a-z-]+\.md)$`)

// Each alarm's description ends with the address of its runbook, each runbook is some
// alarm's, and each alarm notifies the topic when it rings, and only then: CloudWatch
// takes OKActions for the first OK of an alarm that never rang (docs/adr/0007). The
// description says when it rings, so that it is true in either state.
func TestAlarmsLeadToRunbooks(t *testing.T) {
	template := load(t)
	linked := map[string]bool{}
	for _, name := range template.Of("AWS::CloudWatch::Alarm") {
		p := template.Resources[name].Properties
		description, _ := p["AlarmDescription"].(string)
		found := runbookLink.FindStringSubmatch(description)
		if found == nil {
			t.Errorf("%s has no runbook in its description: %s", name, description)
			continue
		}
		linked[found[1]] = true
		if _, err := os.Stat(filepath.Join(local.Root(), "infra", "runbooks", found[1])); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if p["AlarmActions"] == nil || p["TreatMissingData"] == nil {
			t.Errorf("%s notifies nobody, or does not say what missing data means", name)
		}
		if p["OKActions"] != nil || p["InsufficientDataActions"] != nil {
			t.Errorf("%s announces an end, of what perhaps never began", name)
		}
		if !strings.HasPrefix(description, "Rings w") {
			t.Errorf("%s: the description is a statement that is false once the alarm is OK: %s", name, description)
		}
	}
	pages, err := filepath.Glob(filepath.Join(local.Root(), "infra", "runbooks", "*.md"))
	if err != nil || len(linked) == 0 {
		t.Fatalf("%d runbooks are linked, %v", len(linked), err)
	}
	for _, page := range pages {
		if base := filepath.Base(page); !linked[base] && base != "state-findings.md" { // events lead to that one, and no alarm
			t.Errorf("no alarm leads to %s", filepath.Base(page))
		}
	}
}

// The links between the runbooks and documents lead somewhere.
func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "infra/*/*.md"} {
		pages, err := filepath.Glob(filepath.Join(local.Root(), pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range link.FindAllStringSubmatch(string(text), -1) {
				if _, err := os.Stat(filepath.Join(filepath.Dir(page), found[1])); err != nil {
					t.Errorf("%s: %v", page, err)
				}
			}
		}
	}
}

// Every function's errors and throttles raise an alarm, stand in the dashboard, and
// what of it fails while nobody waits goes to a dead-letter queue that is watched.
func TestEveryFunctionIsWatched(t *testing.T) {
	template := load(t)
	alarms, dashboard := "", asText(t, template.Resources["Dashboard"].Properties)
	for _, name := range template.Of("AWS::CloudWatch::Alarm") {
		alarms += asText(t, template.Resources[name].Properties) + "\n"
		if !strings.Contains(dashboard, "${"+name+".Arn}") {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
	// A function that may not be there has a value of its own in the dashboard's text.
	shown := func(function string) string {
		if template.Resources[function].Condition != "" {
			return strings.TrimSuffix(function, "Function")
		}
		return function
	}
	about := func(metric, function string) bool {
		return slices.ContainsFunc(strings.Split(alarms, "\n"), func(alarm string) bool {
			return strings.Contains(alarm, `"`+metric+`"`) && strings.Contains(alarm, `{"Ref":"`+function+`"}`)
		})
	}
	for _, name := range template.Of("AWS::Lambda::Function") {
		for _, metric := range []string{"Errors", "Throttles"} {
			if metric == "Errors" && name == "SlackFunction" {
				continue // each of its errors is a dead letter in a queue of its own, which is watched
			}
			if !about(metric, name) {
				t.Errorf("no alarm for the %s of %s", metric, name)
			}
		}
		for _, metric := range []string{"Errors", "Throttles", "Duration"} {
			if _, rest, _ := strings.Cut(dashboard, `\"`+metric+`\"`); !strings.Contains(strings.SplitN(rest, "}}", 2)[0], "${"+shown(name)+"}") {
				t.Errorf("the dashboard does not show the %s of %s", metric, name)
			}
		}
		// Nobody calls the console but the dashboard, which waits; a failed scan raises its own alarm, which ends with it;
		// what the witness cannot record goes back to its queue, which has dead letters of its own.
		kept := name != "ConsoleFunction" && name != "MonitorFunction" && name != "WitnessFunction"
		config := asText(t, template.Resources[name+"EventInvokeConfig"].Properties)
		if has := strings.Contains(config, `DeadLetters","Arn"]}`) && strings.Contains(config, `"OnFailure"`); has != kept {
			t.Errorf("%s, what fails is kept: %v: %s", name, has, config)
		}
	}
	for _, name := range template.Of("AWS::Scheduler::Schedule") {
		if text := asText(t, template.Resources[name].Properties); !strings.Contains(text, `"DeadLetterConfig"`) || strings.Contains(text, `"Name"`) {
			t.Errorf("%s has no dead-letter queue, or a name that a second stack would have too", name)
		}
	}
	for _, metric := range []string{"LocksHeld", "StuckLocks", "UnreadableLocks", "OldestLockAge", "TimeToResolve", "ConditionalCheckFailedRequests", "LocksReleased", "StatesPruned", "StatesAbandoned"} {
		if !strings.Contains(dashboard, `\"`+metric+`\"`) {
			t.Errorf("the dashboard does not show %s", metric)
		}
	}
}

// What keeps data outlives the stack, is protected, and bears the tag that nuke tools
// respect; logs end.
func TestTheStackProtectsItself(t *testing.T) {
	template := load(t)
	// A first deploy that fails takes the bucket away again. It could not delete the protected table.
	for name, policy := range map[string]string{"StateBucket": "RetainExceptOnCreate", "StateBucketPolicy": "RetainExceptOnCreate", "LockTable": "Retain"} {
		if r := template.Resources[name]; r.DeletionPolicy != policy || r.UpdateReplacePolicy != "Retain" {
			t.Errorf("%s is not retained: %s", name, r.DeletionPolicy)
		}
	}
	text := func(name string) string { return asText(t, template.Resources[name].Properties) }
	for name, want := range map[string][]string{
		"LockTable":         {`"DeletionProtectionEnabled":true`, `"PointInTimeRecoveryEnabled":true`, `"SSEEnabled":true`, `"PAY_PER_REQUEST"`},
		"StateBucket":       {`"VersioningConfiguration":{"Status":"Enabled"}`, `"BlockPublicPolicy":true`, `"RestrictPublicBuckets":true`, `"SSEAlgorithm"`, `"ExpiredObjectDeleteMarker":true`},
		"StateBucketPolicy": {`"aws:SecureTransport":"false"`, `"Effect":"Deny"`},
		"ReportBucket": {
			`"SSEAlgorithm"`, `"BlockPublicAcls":true`, `"BlockPublicPolicy":true`, `"IgnorePublicAcls":true`, `"RestrictPublicBuckets":true`, `"BucketOwnerEnforced"`,
			`"ExpirationInDays":400`, `"Prefix":"inventory/dt="`,
		},
		"ReportBucketPolicy": {`"aws:SecureTransport":"false"`, `"Effect":"Deny"`, `"Action":"s3:*"`},
	} {
		for _, property := range want {
			if !strings.Contains(text(name), property) {
				t.Errorf("%s lacks %s", name, property)
			}
		}
	}
	for _, kind := range []string{"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Lambda::Function"} {
		for _, name := range template.Of(kind) {
			if !strings.Contains(text(name), `{"Key":"cloud-nuke-excluded","Value":"true"}`) {
				t.Errorf("%s bears no tag against nuke tools: %s", name, text(name))
			}
		}
	}
	groups := template.Of("AWS::Logs::LogGroup")
	for _, name := range groups {
		if !strings.Contains(text(name), `"RetentionInDays":{"Ref":"LogRetentionDays"}`) {
			t.Errorf("%s keeps its logs for ever", name)
		}
	}
	for _, name := range template.Of("AWS::Lambda::Function") {
		group := strings.TrimSuffix(name, "Function") + "Logs"
		if !slices.Contains(groups, group) || !strings.Contains(text(name), fmt.Sprintf(`"LogGroup":{"Ref":%q}`, group)) {
			t.Errorf("%s has no log group of its own, so that its logs have no end", name)
		}
	}
}

func asText(t *testing.T, properties map[string]any) string {
	t.Helper()
	text, err := json.Marshal(properties)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
