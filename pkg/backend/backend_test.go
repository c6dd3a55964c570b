package backend_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var server *local.AWS

func TestMain(m *testing.M) {
	local.Main(m, &server)
}

func put(t *testing.T, bucket, key, content string) {
	t.Helper()
	if _, err := server.S3().PutObject(context.Background(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader([]byte(content))}); err != nil {
		t.Fatal(err)
	}
}

func lockJSON(t *testing.T, id string) []byte {
	t.Helper()
	raw, err := tflock.Info{ID: id, Operation: "OperationTypeApply", Who: "me@host <&>", Created: time.Now().UTC()}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func list(t *testing.T, s backend.Store) map[string]tflock.Holding {
	t.Helper()
	all := map[string]tflock.Holding{}
	for h, err := range s.Holdings(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all[string(h.Path)] = h
	}
	return all
}

// What every store promises, on moto; package infra/engines has the same for other engines.
func TestContract(t *testing.T) {
	t.Parallel()
	for _, check := range append(contract.Tables(), contract.Buckets()...) {
		t.Run(check.Name, func(t *testing.T) {
			t.Parallel()
			if err := check.Run(t.Context(), server.Config()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenRefusesWhatIsNoARN(t *testing.T) {
	for name, tc := range map[string]struct {
		tables, buckets []string
		want            string
	}{
		"a table's name":        {[]string{"terraform-locks"}, nil, "is not the ARN of a DynamoDB table"},
		"a bucket as a table":   {[]string{"arn:aws:s3:::b"}, nil, "is not the ARN of a DynamoDB table"},
		"an index":              {[]string{"arn:aws:dynamodb:eu-west-1:1:table/t/index/i"}, nil, "is not the ARN"},
		"an object":             {nil, []string{"arn:aws:s3:::b/k"}, "is not the ARN of a S3 bucket"},
		"a table without place": {[]string{"arn:aws:dynamodb:::table/t"}, nil, "is not the ARN"},
		"nothing at all":        {[]string{""}, nil, "nothing to watch"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := backend.Open(aws.Config{}, tc.tables, tc.buckets); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Terraform up to 1.5 keeps `//` in its rows and stores the state under the cleaned key:
// when the state was written, and its digest, are found all the same.
func TestAStateUnderACleanedKeyIsFound(t *testing.T) {
	place, err := server.MakePlace(t.Context(), fmt.Sprintf("w%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	set, err := backend.Open(server.Config(), nil, []string{place.BucketARN})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &place.Bucket, Key: aws.String("a/k"), Body: strings.NewReader("{}")}); err != nil {
		t.Fatal(err)
	}
	b, path := set.Buckets[0], place.Path("a//k")
	if written, err := b.StateWritten(t.Context(), path); err != nil || written.IsZero() {
		t.Errorf("written %s, %v", written, err)
	}
	if digest, err := b.StateDigest(t.Context(), path); err != nil || digest != "99914b932bd37a50b983c5e7c90ae93b" {
		t.Errorf("digest %q, %v", digest, err)
	}
	all, times := b.Survey(t.Context())
	for _, err := range all {
		if err != nil {
			t.Fatal(err)
		}
	}
	if written, _, known := times.Of(path); !known || written.IsZero() {
		t.Errorf("listed as written %s, %v", written, known)
	}
}
