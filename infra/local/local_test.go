package local_test

import (
	"strings"
	"testing"
)

func TestDeploy(t *testing.T) {
	const tables = "arn:aws:dynamodb:eu-west-1:123456789012:table/a,arn:aws:dynamodb:us-east-1:123456789012:table/b"
	const buckets = "arn:aws:s3:::states-a,arn:aws:s3:::states-b"
	for name, tc := range map[string]struct {
		parameters              map[string]string
		wantTables, wantBuckets string // in the monitor's environment
		own                     bool
	}{
		"defaults make a backend and watch it": {nil, ":table/", "arn:aws:s3:::", true},
		"existing ones in two regions are watched alone": {
			map[string]string{"CreateBackend": "false", "WatchTableArns": tables, "WatchBucketArns": buckets}, tables, buckets, false,
		},
		"existing ones are watched beside our own":    {map[string]string{"WatchTableArns": tables, "WatchBucketArns": buckets}, "," + tables, "," + buckets, true},
		"buckets alone are enough, as with lockfiles": {map[string]string{"CreateBackend": "false", "WatchBucketArns": buckets}, "", buckets, false},
		"every option can be set": {
			map[string]string{
				"StuckAfter": "1h", "StuckAfterOverrides": "*/production/**=2h", "RemindEvery": "2h", "ReleaseGuard": "5m", "ScanEvery": "1 hour",
				"AlertEmail": "a@example.com", "AlertTopicArn": "arn:aws:sns:eu-central-1:123456789012:ours", "MetricNamespace": "Mine",
				"SlackWebhookParameter": "/lockwarden/slack", "SlackWorkspaceId": "T07EA123LEP", "SlackChannelId": "C07EZ1ABC23",
				"LogRetentionDays": "30", "WatchKmsKeyArns": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
			}, ":table/", "arn:aws:s3:::", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack, err := server.Deploy(t.Context(), strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), ",", ""), tc.parameters)
			if err != nil {
				t.Fatal(err)
			}
			watchedTables, watchedBuckets := stack.Watched()
			if !strings.Contains(strings.Join(watchedTables, ","), tc.wantTables) || !strings.Contains(strings.Join(watchedBuckets, ","), tc.wantBuckets) {
				t.Errorf("the monitor watches %q and %q", watchedTables, watchedBuckets)
			}
			if _, made := stack.Resources["LockTable"]; made != tc.own {
				t.Errorf("lock table made: %v", made)
			}
			if _, made := stack.Functions["SlackFunction"]; made != (tc.parameters["SlackWebhookParameter"] != "") {
				t.Errorf("Slack function made: %v", made)
			}
			for _, output := range []string{"AlertTopicArn", "MonitorFunctionName"} {
				if stack.Outputs[output] == "" {
					t.Errorf("output %s is missing", output)
				}
			}
		})
	}
}
