package backend_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/backend"
)

func TestParseStatePath(t *testing.T) {
	for text, want := range map[string]string{
		"b/branches/x/terraform.tfstate":                     "b/branches/x/terraform.tfstate",
		"  b/k \n":                                           "b/k",
		"\u00a0`b/k`\u200b":                                  "b/k",
		"s3://b/a//k":                                        "b/a//k",
		"S3://b/k%20x":                                       "b/k%20x",
		"arn:aws:s3:::b/env:/x/k":                            "b/env:/x/k",
		"arn:aws-us-gov:s3:::b/k":                            "b/k",
		"https://b.s3.eu-west-1.amazonaws.com/a/k":           "b/a/k",
		"https://b.s3.amazonaws.com/a%20b/k?versionId=3":     "b/a b/k",
		"https://a.b.s3.dualstack.eu-west-1.amazonaws.com/k": "a.b/k",
		"https://s3.eu-west-1.amazonaws.com/b/k":             "b/k",
		"https://s3-eu-west-1.amazonaws.com/b/k":             "b/k",
		"https://b.s3.cn-north-1.amazonaws.com.cn/k":         "b/k",
		"https://eu-central-1.console.aws.amazon.com/s3/object/b?region=eu-central-1&prefix=branches/x/k":     "b/branches/x/k",
		"https://s3.console.aws.amazon.com/s3/object/b?prefix=a%2Fk&tab=versions":                             "b/a/k",
		"https://eu-central-1.console.aws.amazon.com/s3/buckets/b?prefix=branches/x/terraform.tfstate&region": "b/branches/x/terraform.tfstate",
	} {
		if got, err := backend.ParseStatePath(text); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", " ", "b", "b/", "/k", "s3://", "s3://b", "gs://b/k", "arn:aws:s3:eu-west-1:1:accesspoint/a/object/k", "arn:aws:dynamodb:eu-west-1:1:table/t", "arn:aws:s3:::b",
		"https://example.com/b/k", "https://s3.example.com/b/k", "https://b.s3.amazonaws.com.evil.com/k", "https://eu-central-1.console.aws.amazon.com/s3/buckets/b", "https://b.s3.amazonaws.com/",
	} {
		if got, err := backend.ParseStatePath(text); err == nil {
			t.Errorf("%q is taken for %q", text, got)
		}
	}
}

func FuzzParseStatePath(f *testing.F) {
	f.Add("https://b.s3.eu-west-1.amazonaws.com/a/k?X-Amz-Signature=secret")
	f.Add("arn:aws:s3:::b/k")
	f.Add("s3://b/k")
	f.Fuzz(func(t *testing.T, text string) {
		path, err := backend.ParseStatePath(text)
		if err != nil {
			if len(text) > 40 && strings.Contains(err.Error(), text) {
				t.Errorf("the error quotes the text")
			}
			return
		}
		if bucket, key, ok := strings.Cut(string(path), "/"); !ok || bucket == "" || key == "" {
			t.Errorf("%q is no path", path)
		}
	})
}
