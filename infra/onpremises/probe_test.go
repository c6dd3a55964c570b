package onpremises_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
	"github.com/lockwarden/lockwarden/pkg/probe"
)

func configFor(endpoint string) aws.Config {
	return configWith(endpoint, credential{server.AccessKey, server.SecretKey})
}

func configWith(endpoint string, keys credential) aws.Config {
	return aws.Config{
		Region: local.Region, BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(keys.id, keys.secret, ""),
	}
}

// buckets opens S3 at an endpoint as the functions do.
func buckets(endpoint string) *s3.Client {
	return s3At(endpoint, credential{server.AccessKey, server.SecretKey})
}

func s3At(endpoint string, keys credential) *s3.Client {
	return s3.NewFromConfig(configWith(endpoint, keys), func(o *s3.Options) {
		o.UsePathStyle = true
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	})
}

func start(t *testing.T, k server.Kind) string {
	t.Helper()
	local.Need(t, k.Installed)
	s, err := server.Start(t.Context(), k, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s.Endpoint
}

// The probe tells real stores apart, and leaves nothing in them.
func TestProbeTellsStoresApart(t *testing.T) {
	for name, tc := range map[string]struct {
		kind      server.Kind
		versioned bool
		want      probe.Report
		says      string
	}{
		"s3rver ignores every condition": {
			server.S3rver, false,
			probe.Report{Create: probe.Ignored, Delete: probe.Ignored, Again: probe.Ignored, Versioning: probe.Off},
			"Locks here are not real",
		},
		"versitygw honours them": {
			server.VersitygwPlain, false,
			probe.Report{Create: probe.Holds, Delete: probe.Holds, Again: probe.Holds, Versioning: probe.Off},
			"Locks here are real",
		},
		"versitygw with versions allows one lock on a path, and no other": {
			server.Versitygw, true,
			probe.Report{Create: probe.Holds, Delete: probe.Holds, Again: probe.Rejected, Versioning: probe.On},
			"A path can be locked only once",
		},
		"SeaweedFS honours them": {
			server.SeaweedFS, false,
			probe.Report{Create: probe.Holds, Delete: probe.Holds, Again: probe.Holds, Versioning: probe.Off},
			"Locks here are real",
		},
		"SeaweedFS honours them with versions too": {
			server.SeaweedFS, true,
			probe.Report{Create: probe.Holds, Delete: probe.Holds, Again: probe.Holds, Versioning: probe.On},
			"Locks here are real",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, bucket := buckets(start(t, tc.kind)), "states"
			if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
				t.Fatal(err)
			}
			if tc.versioned {
				if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
					Bucket: &bucket, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled},
				}); err != nil {
					t.Fatal(err)
				}
			}
			r := probe.Bucket(t.Context(), client, bucket)
			if r.Create != tc.want.Create || r.Delete != tc.want.Delete || r.Again != tc.want.Again || r.Versioning != tc.want.Versioning {
				t.Errorf("%+v", r)
			}
			if words := strings.Join(r.Words(), "\n"); !strings.Contains(words, tc.says) {
				t.Errorf("does not say %q:\n%s", tc.says, words)
			}
			listed, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
			if err != nil || len(listed.Contents) > 0 {
				t.Errorf("left: %v %v", listed, err)
			}
		})
	}
}

func TestProbeOfTables(t *testing.T) {
	t.Parallel()
	cfg, table := configFor(start(t, server.Dynalite)), "locks"
	// It waits, since a table that is still being made takes no row, in AWS neither.
	if _, err := contract.MakeTable(t.Context(), cfg, table, "LockID"); err != nil {
		t.Fatal(err)
	}
	client := dynamodb.NewFromConfig(cfg)
	if r := probe.Table(t.Context(), client, table); !r.Sound() {
		t.Errorf("%+v", r)
	}
	left, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil || left.Count > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}
