package wiring_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/wiring"
)

// However much of an ARN the template leaves out, the whole one is watched.
func TestNamesBecomeARNs(t *testing.T) {
	for name, tc := range map[string]struct {
		partition, region    string
		tables, buckets      []string
		wantTables, wantBkts []string
	}{
		"the stack's own, by name": {
			"aws", "eu-central-1",
			[]string{"locks"},
			[]string{"states"},
			[]string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks"},
			[]string{"arn:aws:s3:::states"},
		},
		"a table of another region or account": {
			"aws-us-gov", "us-gov-west-1",
			[]string{"us-gov-east-1:210987654321:tf-*"},
			[]string{"*-tfstate", "Acme_States"},
			[]string{"arn:aws-us-gov:dynamodb:us-gov-east-1:210987654321:table/tf-*"},
			[]string{"arn:aws-us-gov:s3:::*-tfstate", "arn:aws-us-gov:s3:::Acme_States"},
		},
		"a whole ARN": {
			"aws", "us-east-1",
			[]string{"arn:aws-cn:dynamodb:cn-north-1:123456789012:table/locks"},
			[]string{"arn:aws-cn:s3:::states"},
			[]string{"arn:aws-cn:dynamodb:cn-north-1:123456789012:table/locks"},
			[]string{"arn:aws-cn:s3:::states"},
		},
		"an ARN of a partition whose prefix the template does not know": {
			"aws-iso", "us-iso-east-1",
			[]string{"arn:aws-iso:dynamodb:us-iso-east-1:123456789012:locks"},
			nil,
			[]string{"arn:aws-iso:dynamodb:us-iso-east-1:123456789012:table/locks"},
			nil,
		},
		"blanks, and nothing":               {"aws", "us-east-1", []string{" locks ", ""}, nil, []string{"arn:aws:dynamodb:us-east-1:123456789012:table/locks", ""}, nil},
		"what can be no ARN stays as it is": {"aws", "us-east-1", []string{"arn:aws:dynamodb:us-east-1:123456789012:table/a:b"}, nil, []string{"arn:aws:dynamodb:us-east-1:123456789012:table/a:b"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			tables, buckets := wiring.Watched{Account: "123456789012", Partition: tc.partition, Tables: tc.tables, Buckets: tc.buckets}.ARNs(tc.region)
			if !slices.Equal(tables, tc.wantTables) || !slices.Equal(buckets, tc.wantBkts) {
				t.Errorf("%q and %q", tables, buckets)
			}
		})
	}
}

// What an ARN lost on its left is restored, and restoring a whole ARN changes nothing.
func TestRestoringIsTheInverseOfCutting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Za-z0-9_.*-]{1,60}`).Draw(t, "name")
		region := rapid.SampledFrom([]string{"us-east-1", "cn-northwest-1"}).Draw(t, "region")
		w := wiring.Watched{Account: "123456789012", Partition: "aws"}
		table, bucket := "arn:aws:dynamodb:"+region+":210987654321:table/"+name, "arn:aws:s3:::"+name
		cut := strings.ReplaceAll(strings.TrimPrefix(table, "arn:aws:dynamodb:"), ":table/", ":")
		w.Tables, w.Buckets = []string{table, cut}, []string{bucket, name}
		tables, buckets := w.ARNs("us-east-1")
		if !slices.Equal(tables, []string{table, table}) || !slices.Equal(buckets, []string{bucket, bucket}) {
			t.Fatalf("%q and %q", tables, buckets)
		}
	})
}

func TestTheDashboardIsInItsPartitionsConsole(t *testing.T) {
	for partition, tc := range map[string]struct{ stack, region, want string }{
		"aws":        {"lockwarden", "eu-central-1", "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/lockwarden-eu-central-1"},
		"aws-us-gov": {"a", "us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/cloudwatch/home?region=us-gov-west-1#dashboards/dashboard/a-us-gov-west-1"},
		"aws-cn":     {"a", "cn-north-1", "https://cn-north-1.console.amazonaws.cn/cloudwatch/home?region=cn-north-1#dashboards/dashboard/a-cn-north-1"},
		"aws-iso":    {"a", "us-iso-east-1", ""},
		"none":       {"", "eu-central-1", ""},
	} {
		if got := (wiring.Dashboard{Stack: tc.stack, Partition: partition}).URL(tc.region); got != tc.want {
			t.Errorf("%s: %s", partition, got)
		}
	}
}
