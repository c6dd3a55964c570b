package stack_test

import (
	"strings"
	"testing"
)

// However the stack is deployed, each function's binary starts with the environment that
// it is given there, and answers every sample event. (What it answers is another
// test's: see roles_test.go.)
func TestFunctionsStartHoweverTheStackIsDeployed(t *testing.T) {
	topic, err := server.MakeTopic(t.Context(), "existing-topic")
	check(t, err)
	table, err := server.In("us-west-2").MakeTable(t.Context(), "existing-table", "LockID")
	check(t, err)
	bucket, err := server.In("us-west-2").MakeBucket(t.Context(), "existing-bucket")
	check(t, err)
	every := map[string]string{
		"CreateBackend": "true", "WatchTableArns": table, "WatchBucketArns": bucket,
		"WatchKmsKeyArns": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
		"StuckAfter":      "1h", "StuckAfterOverrides": "operation:OperationTypePlan=15m,*/production/**=2h", "RemindEvery": "2h", "ReleaseGuard": "5m",
		"ScanEvery": "1 hour", "AlertEmail": "a@example.com", "AlertTopicArn": topic, "MetricNamespace": "Mine", "LogRetentionDays": "30",
		"PrunePaths": "old/**", "PruneAfterDays": "7", "PruneMode": "report", "PruneSchedule": "rate(1 day)", "InventorySchedule": "rate(2 days)", "ReportSchedule": "cron(0 9 ? * TUE *)", "StatePaths": "**/*.tfstate,states/**", "PruneWithoutDigest": "true", "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
		"GitHubTokenParameter": "/team/github", "GitHubApiUrl": "http://127.0.0.1:9/api/v3", "GitLabTokenParameter": "/team/gitlab", "GitLabUrl": "http://127.0.0.1:9",
		"CheckAwsRuns": "true", "AutoRelease": "*/environments/**", "AutoReleaseMode": "release",
		"SlackWebhookParameter": slackParameter(t), "SlackWorkspaceId": "T07EA123LEP", "SlackChannelId": "C07EZ1ABC23",
	}
	template := load(t)
	for name := range template.Parameters {
		if every[name] == "" {
			t.Errorf("the parameter %s is not set here: set it to another value than its default", name)
		}
	}
	for name, parameters := range map[string]map[string]string{
		"defaults":       nil,
		"every-option":   every,
		"tables-alone":   {"CreateBackend": "false", "WatchTableArns": table},
		"lockfiles-only": {"CreateBackend": "false", "WatchBucketArns": bucket},
		"patterns":       {"CreateBackend": "false", "WatchTableArns": strings.Replace(table, "existing-table", "existing-t*", 1), "WatchBucketArns": strings.Replace(bucket, "existing-bucket", "*ing-bucket", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			s := deploy(t, name, parameters)
			for function, logicalID := range functions(t) {
				if s.Roles[logicalID] == "" && template.Resources[logicalID].Condition != "" && name != "every-option" {
					continue // this deployment did not ask for it
				}
				for event, payload := range events(t, function) {
					result, err := s.Invoke(t.Context(), function, logicalID, payload)
					if err != nil || strings.Contains(result.Log, "cannot start") {
						t.Errorf("%s does not start: %v\n%s", function, err, result.Log)
					}
					if said := result.Payload + result.Log; strings.Contains(said, "not authorized") || strings.Contains(said, "AccessDenied") {
						t.Errorf("%s, %s: its role does not allow it: %s", function, event, said)
					}
				}
			}
			for _, output := range []string{"AlertTopicArn", "MonitorFunctionName", "UnlockFunctionName", "UnlockCommand", "DashboardUrl"} {
				if s.Outputs[output] == "" {
					t.Errorf("output %s is missing", output)
				}
			}
		})
	}
}
