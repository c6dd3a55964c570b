package deploycheck_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/deploycheck"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/run"
	"github.com/lockwarden/lockwarden/pkg/wiring/runs"
)

// However the lengths that the parameters take are used up, roles and environments stay
// within AWS's limits: by few long names or many short ones, in the stack's own region and
// account or in others, by a stack whose name is as long as CloudFormation takes.
func TestWhatTheParametersTakeFits(t *testing.T) {
	template, _ := whole(t)
	least := environmentRoom
	for _, region := range regions {
		for _, stack := range []string{"lockwarden", strings.Repeat("s", 128)} {
			for elsewhere, tables := range map[string]string{
				"own tables":                        arnPrefix("table", region),
				"tables elsewhere, short regions":   elsewhere(region, "us-east-1", "us-gov-east-1", "cn-north-1"),
				"tables elsewhere, longest regions": elsewhere(region, "ap-southeast-1", "us-gov-west-1", "cn-northwest-1"),
			} {
				for _, length := range []int{3, 12, 40, 63, 255} {
					t.Run(fmt.Sprint(region, " ", len(stack), " ", elsewhere, " ", length), func(t *testing.T) {
						parameters := map[string]string{
							"WatchTableArns":  fill(t, template, "WatchTableArns", tables, length),
							"WatchBucketArns": fill(t, template, "WatchBucketArns", arnPrefix("bucket", region), min(length, 63)),
							"WatchKmsKeyArns": many("key", region, 7, 36),
							"ScanEvery":       "30 minutes", "StuckAfter": "10h10m10s", "RemindEvery": "10h10m10s", "ReleaseGuard": "10h10m10s",
							"StuckAfterOverrides": longest(template, "StuckAfterOverrides", "x/", "=2h"),
							"PrunePaths":          longest(template, "PrunePaths", "x/", ""),
							"AlertTopicArn":       longest(template, "AlertTopicArn", strings.ReplaceAll(strings.TrimSuffix(arnPrefix("table", region), "table/"), "dynamodb", "sns"), ""),
							"PruneWithoutDigest":  "false", "SlackWebhookParameter": longest(template, "SlackWebhookParameter", "/lockwarden/", ""),
							"GitHubTokenParameter": longest(template, "GitHubTokenParameter", "/lockwarden/", ""), "GitLabTokenParameter": longest(template, "GitLabTokenParameter", "/lockwarden/", ""),
							"GitHubApiUrl": longest(template, "GitHubApiUrl", "https://", ""), "GitLabUrl": longest(template, "GitLabUrl", "https://", ""),
							"CheckAwsRuns": "true", "AutoRelease": longest(template, "AutoRelease", "x/", ""), "AutoReleaseMode": "release",
							"PermissionsBoundaryArn": "arn:" + deploycheck.Place{Region: region}.Partition() + ":iam::" + account + ":policy/" + strings.Repeat("b", 128),
						}
						if stack == "lockwarden" { // else its own default is longer
							parameters["MetricNamespace"] = longest(template, "MetricNamespace", "n", "")
						}
						report(t, deploycheck.Refused(template, parameters))
						d := evaluate(t, template, deploycheck.Place{Region: region, Stack: stack, Parameters: parameters})
						for _, function := range d.Of("AWS::Lambda::Function") {
							least = min(least, environmentRoom-deploycheck.Environment(d.Resources[function]))
						}
						report(t, deploycheck.Sizes(d))
					})
				}
			}
		}
	}
	t.Logf("at least %d bytes of environment are left", least)
}

// environmentRoom is what Lambda takes.
const environmentRoom = 4096

// elsewhere is the prefix of the ARNs of another account's tables, in one of these
// regions: the one in the partition of that region.
func elsewhere(region string, others ...string) string {
	for _, other := range others {
		if (deploycheck.Place{Region: other}).Partition() == (deploycheck.Place{Region: region}).Partition() {
			return strings.ReplaceAll(arnPrefix("table", other), account, "210987654321")
		}
	}
	return ""
}

// fill is a list of ARNs with names of that length, as many as the parameter takes, the
// last with a name as long as it still takes.
func fill(t *testing.T, template deploycheck.Template, parameter, prefix string, length int) string {
	t.Helper()
	most := template.Parameters[parameter].MaxLength
	units := deploycheck.NamesLimit / 5
	n := min((most+1)/(len(prefix)+length+1), units/((length+4)/5))
	list := strings.TrimSuffix(strings.Repeat(prefix+strings.Repeat("n", length)+",", n), ",")
	left := min(most-len(list), (units-n*((length+4)/5))*5+(length+4)/5*5-length)
	list += strings.Repeat("n", left)
	if more := list + "n"; len(deploycheck.Refused(template, map[string]string{parameter: more})) == 0 {
		t.Fatalf("%s takes more than %d characters", parameter, len(list))
	}
	return list
}

// longest is a value of a parameter that is as long as it takes.
func longest(template deploycheck.Template, parameter, begin, end string) string {
	return begin + strings.Repeat("l", template.Parameters[parameter].MaxLength-len(begin)-len(end)) + end
}

// Names of 40 characters fit twenty times, of tables and of buckets; one character more
// is refused by the parameter, whose message names the way out.
func TestTwentyTablesAndTwentyBucketsFit(t *testing.T) {
	template, _ := whole(t)
	for _, region := range regions {
		for parameter, kind := range map[string]string{"WatchTableArns": "table", "WatchBucketArns": "bucket"} {
			report(t, deploycheck.Refused(template, map[string]string{parameter: many(kind, region, 20, 40)}))
			refused := deploycheck.Refused(template, map[string]string{parameter: many(kind, region, 20, 41)})
			if !strings.Contains(fmt.Sprint(refused), "*") {
				t.Errorf("%s in %s: %v", parameter, region, refused)
			}
			for _, no := range []string{arnPrefix(kind, region), arnPrefix(kind, region) + "a," + arnPrefix(kind, region), arnPrefix(kind, region) + "a,", "a", arnPrefix(kind, region) + "a," + "b"} {
				if len(deploycheck.Refused(template, map[string]string{parameter: no})) == 0 {
					t.Errorf("%s takes %q", parameter, no)
				}
			}
		}
	}
}

// The deploy and the functions take and refuse the same settings.
func TestTheDeployRefusesWhatAFunctionWould(t *testing.T) {
	template, _ := whole(t)
	text, err := os.ReadFile(filepath.Join(local.Root(), "pkg", "policy", "testdata", "settings.json"))
	if err != nil {
		t.Fatal(err)
	}
	var settings map[string]json.RawMessage
	if err := json.Unmarshal(text, &settings); err != nil {
		t.Fatal(err)
	}
	parse := map[string]func(string) error{
		"PrunePaths":          func(v string) error { _, err := policy.ParsePaths(v); return err },
		"StuckAfterOverrides": func(v string) error { _, err := policy.ParseOverrides(v); return err },
		"AutoRelease":         func(v string) error { _, err := policy.ParseSelection(v); return err },
	}
	for parameter, function := range parse {
		var values []struct{ Value, Refused string }
		if err := json.Unmarshal(settings[parameter], &values); err != nil || len(values) < 20 {
			t.Fatalf("%s: %d values, %v", parameter, len(values), err)
		}
		for _, v := range values {
			refused := deploycheck.Refused(template, map[string]string{parameter: v.Value, "CheckAwsRuns": "true"}) // AutoRelease needs it
			if (len(refused) > 0) != (v.Refused != "") || (function(v.Value) != nil) != (v.Refused != "") {
				t.Errorf("%s=%q: to be refused %v, the deploy says %v, the function %v", parameter, v.Value, v.Refused != "", refused, function(v.Value))
			}
		}
	}
}

// Whatever the deploy takes, the functions take: their parsers accept every text that a
// pattern does.
func TestTheFunctionsTakeWhatTheDeployTakes(t *testing.T) {
	template, _ := whole(t)
	duration := func(v string) error {
		d, err := time.ParseDuration(v)
		if err == nil && d <= 0 {
			return fmt.Errorf("%s is %s", v, d)
		}
		return err
	}
	paths := func(v string) error { _, err := policy.ParsePaths(v); return err }
	overrides := func(v string) error { _, err := policy.ParseOverrides(v); return err }
	for name, tc := range map[string]struct {
		pattern string
		parse   func(string) error
	}{
		"StuckAfter":          {deploycheck.DurationPattern(), duration},
		"RemindEvery":         {deploycheck.DurationPattern(), duration},
		"ReleaseGuard":        {deploycheck.DurationPattern(), duration},
		"PrunePaths":          {deploycheck.PrunePathsPattern(), paths},
		"StuckAfterOverrides": {deploycheck.OverridesPattern(), overrides},
		"AutoRelease":         {deploycheck.SelectionPattern(), func(v string) error { return inJSON(v, selection(v)) }},
		"GitHubApiUrl":        {deploycheck.SitePattern(), func(v string) error { return inJSON(v, run.Settings{GitHubToken: "t", GitHubAPI: v}.Check()) }},
		"GitLabUrl":           {deploycheck.SitePattern(), func(v string) error { return inJSON(v, run.Settings{GitLabToken: "t", GitLabURL: v}.Check()) }},
		"WatchTableArns":      {deploycheck.TablePattern(), nil},
		"WatchBucketArns":     {deploycheck.BucketPattern(), nil},
		"WatchKmsKeyArns":     {deploycheck.KeyPattern(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := template.Parameters[name].AllowedPattern; got != tc.pattern {
				t.Fatalf("its pattern is not what grammar.go composes. It is\n%s\nand should be\n%s", got, tc.pattern)
			}
			if tc.parse == nil {
				return
			}
			values := rapid.StringMatching(strings.Trim(tc.pattern, "^$"))
			rapid.Check(t, func(t *rapid.T) {
				if v := values.Draw(t, "value"); utf8.ValidString(v) {
					if err := tc.parse(v); err != nil {
						t.Fatalf("the deploy takes %q, and the function does not start: %v", v, err)
					}
				}
			})
		})
	}
}

func selection(text string) error { _, err := policy.ParseSelection(text); return err }

// inJSON reports whether a text can stand between quotation marks in JSON as it is.
func inJSON(text string, err error) error {
	var same string
	return errors.Join(err, json.Unmarshal([]byte(`"`+text+`"`), &same))
}

// The settings of runs are there only where one is set, are what the functions read, and
// fit into a parameter. The permissions are those that the settings need.
func TestSettingsOfRuns(t *testing.T) {
	template, _ := whole(t)
	for name, tc := range map[string]struct {
		parameters map[string]string
		rights     []string // of the monitor, among those that runs need
		unlock     []string
	}{
		"nothing is set":  {nil, nil, nil},
		"addresses alone": {map[string]string{"GitHubApiUrl": "https://github.example.com/api/v3", "GitLabUrl": "https://gitlab.example.com", "AutoReleaseMode": "release"}, nil, nil},
		"GitHub":          {map[string]string{"GitHubTokenParameter": "/a/b"}, []string{"ssm:GetParameter", "s3:GetObjectTagging"}, []string{"ssm:GetParameter", "s3:GetObjectTagging"}},
		"GitLab":          {map[string]string{"GitLabTokenParameter": "a"}, []string{"ssm:GetParameter", "s3:GetObjectTagging"}, []string{"ssm:GetParameter", "s3:GetObjectTagging"}},
		"AWS": {
			map[string]string{"CheckAwsRuns": "true"},
			[]string{"ssm:GetParameter", "s3:GetObjectTagging", "codebuild:ListBuilds", "codebuild:BatchGetBuilds", "ec2:DescribeInstances"},
			[]string{"ssm:GetParameter", "s3:GetObjectTagging", "codebuild:ListBuilds", "codebuild:BatchGetBuilds", "ec2:DescribeInstances"},
		},
		"reports of automatic releases": {map[string]string{"GitHubTokenParameter": "/a/b", "AutoRelease": "**"}, []string{"ssm:GetParameter", "s3:GetObjectTagging"}, []string{"ssm:GetParameter", "s3:GetObjectTagging"}},
		"automatic releases": {
			map[string]string{"GitHubTokenParameter": "/a/b", "AutoRelease": "**", "AutoReleaseMode": "release"},
			[]string{"ssm:GetParameter", "s3:GetObjectTagging", "lambda:InvokeFunction"},
			[]string{"ssm:GetParameter", "s3:GetObjectTagging"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := evaluate(t, template, deploycheck.Place{Region: "eu-central-1", Parameters: tc.parameters})
			all := []string{"ssm:GetParameter", "s3:GetObjectTagging", "lambda:InvokeFunction", "codebuild:ListBuilds", "codebuild:BatchGetBuilds", "ec2:DescribeInstances"}
			for role, want := range map[string][]string{"MonitorRole": tc.rights, "UnlockRole": tc.unlock, "ConsoleRole": nil} {
				for _, action := range all {
					if may := slices.Contains(d.Actions(role), action); may != slices.Contains(want, action) {
						t.Errorf("%s may %s: %v", role, action, may)
					}
				}
			}
			settings, there := d.Resources["RunSettings"]
			variable := d.Resources["MonitorFunction"].Properties["Environment"].(map[string]any)["Variables"].(map[string]any)["RUNS"]
			if there != (tc.rights != nil) || (!there && variable != "") || (there && variable != settings.Properties["Name"]) {
				t.Fatalf("the parameter is there: %v; the variable is %v", there, variable)
			}
			if there {
				read, err := runs.Parse(fmt.Sprint(settings.Properties["Value"]))
				if err != nil || read.Asks.GitHubToken != tc.parameters["GitHubTokenParameter"] || read.Auto.Locks.Any() != (tc.parameters["AutoRelease"] != "") {
					t.Errorf("the functions read %+v, %v", read, err)
				}
			}
		})
	}
}
