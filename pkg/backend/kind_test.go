package backend_test

import (
	"testing"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func TestTheKindOfAStore(t *testing.T) {
	for arn, want := range map[string]tflock.Kind{
		"arn:aws:dynamodb:eu-central-1:123456789012:table/locks": tflock.DynamoDB,
		"arn:aws-cn:dynamodb:cn-north-1:123456789012:table/l":    tflock.DynamoDB,
		"arn:aws:s3:::states":          tflock.S3,
		"arn:aws-us-gov:s3:::states":   tflock.S3,
		"arn:aws:s3:::table":           tflock.S3,
		"arn:aws:s3:::states-*":        "",
		"arn:aws:s3:::a:table/b":       "",
		"arn:aws:sqs:eu-central-1:1:q": "",
		"states":                       "",
		"":                             "",
		"arn:aws:dynamodb:eu-central-1:123456789012:table/locks-*": "",
	} {
		if got, is := backend.KindOf(arn); got != want || is != (want != "") {
			t.Errorf("%s: %q, %t", arn, got, is)
		}
	}
}
