package wiring_test

import (
	"errors"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/lockwarden/lockwarden/pkg/version"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

// asked keeps the request that a client would send.
type asked struct{ request *http.Request }

func (a *asked) Do(r *http.Request) (*http.Response, error) {
	a.request = r
	return nil, errors.New("no network here")
}

func TestClientsGoWhereTheEnvironmentSays(t *testing.T) {
	lambda := map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hushhush", "AWS_SESSION_TOKEN": "session",
	}
	for name, tc := range map[string]struct {
		more map[string]string
		host string
	}{
		"to AWS in the function's region": {nil, "dynamodb.us-east-1.amazonaws.com"},
		"to an endpoint for FIPS":         {map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}, "dynamodb-fips.us-east-1.amazonaws.com"},
		"to an endpoint with IPv6":        {map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "dynamodb.us-east-1.api.aws"},
		"to an emulator":                  {map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:5000"}, "127.0.0.1:5000"},
		"to a table store outside of AWS": {map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"}, "127.0.0.1:8000"},
		"to AWS although buckets are not": {map[string]string{"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000"}, "dynamodb.us-east-1.amazonaws.com"},
		"to AWS where endpoints are to be ignored": {
			map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:5000", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "dynamodb.us-east-1.amazonaws.com",
		},
	} {
		t.Run(name, func(t *testing.T) {
			set(t, lambda, tc.more)
			cfg, err := wiring.AWS()
			if err != nil {
				t.Fatal(err)
			}
			wire := &asked{}
			cfg.HTTPClient, cfg.Retryer = wire, func() aws.Retryer { return aws.NopRetryer{} }
			if _, err := dynamodb.NewFromConfig(cfg).ListTables(t.Context(), &dynamodb.ListTablesInput{}); wire.request == nil {
				t.Fatal(err)
			}
			r := wire.request
			if r.URL.Host != tc.host || !strings.Contains(r.Header.Get("Authorization"), "AKIDEXAMPLE/") || r.Header.Get("X-Amz-Security-Token") != "session" {
				t.Errorf("asked %s with %v", r.URL, r.Header)
			}
			if agent := r.Header.Get("User-Agent"); !strings.Contains(agent, " lockwarden/"+version.Current) {
				t.Errorf("CloudTrail would show %s", agent)
			}
		})
	}
	for _, missing := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Run("without "+missing+" it says so, and nothing of the others", func(t *testing.T) {
			set(t, lambda, map[string]string{missing: ""})
			_, err := wiring.AWS()
			if err == nil || !strings.Contains(err.Error(), missing) || strings.Contains(err.Error(), "hushhush") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// endpoints returns the endpoint of each service that functions and the CLI call; empty: AWS's
// own.
func endpoints(cfg aws.Config) map[string]string {
	return map[string]string{
		"CLOUDFORMATION": aws.ToString(cloudformation.NewFromConfig(cfg).Options().BaseEndpoint),
		"CLOUDWATCH":     aws.ToString(cloudwatch.NewFromConfig(cfg).Options().BaseEndpoint),
		"DYNAMODB":       aws.ToString(dynamodb.NewFromConfig(cfg).Options().BaseEndpoint),
		"LAMBDA":         aws.ToString(lambda.NewFromConfig(cfg).Options().BaseEndpoint),
		"S3":             aws.ToString(s3.NewFromConfig(cfg).Options().BaseEndpoint),
		"SNS":            aws.ToString(sns.NewFromConfig(cfg).Options().BaseEndpoint),
		"SQS":            aws.ToString(sqs.NewFromConfig(cfg).Options().BaseEndpoint),
		"SSM":            aws.ToString(ssm.NewFromConfig(cfg).Options().BaseEndpoint),
	}
}

// Whatever the variables say of endpoints, functions understand them as the SDK does.
func TestEndpointsAreThoseOfTheSDK(t *testing.T) {
	const unset = "(unset)"
	set(t, map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hushhush",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	})
	put := func(t *testing.T, name, value string) {
		t.Setenv(name, value) // restores it at the end
		if value == unset {
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, service := range []string{"CLOUDFORMATION", "CLOUDWATCH", "DYNAMODB", "LAMBDA", "S3", "SNS", "SQS", "SSM"} {
		for _, global := range []string{unset, "", "http://all.example"} {
			for _, own := range []string{unset, "", "https://own.example/path"} {
				for _, ignore := range []string{unset, "", "false", "true", "TRUE"} {
					t.Run(service+"="+own+" all="+global+" ignore="+ignore, func(t *testing.T) {
						put(t, "AWS_ENDPOINT_URL", global)
						put(t, "AWS_ENDPOINT_URL_"+service, own)
						put(t, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", ignore)
						ours, err := wiring.AWS()
						if err != nil {
							t.Fatal(err)
						}
						theirs, err := config.LoadDefaultConfig(t.Context())
						if err != nil {
							t.Fatal(err)
						}
						if got, want := endpoints(ours), endpoints(theirs); !maps.Equal(got, want) {
							t.Errorf("%v, and the SDK has %v", got, want)
						}
					})
				}
			}
		}
	}
}

// States outside of AWS and alerts in AWS: each service is called at its own endpoint, as its own
// caller.
func TestStoresOutsideOfAWSHaveEndpointsAndKeysOfTheirOwn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[default]\naws_access_key_id=DEFAULTKEY\naws_secret_access_key=x\n\n# the store\n[store]\naws_access_key_id = STOREKEY\n"+
		"aws_secret_access_key = sto=re\n[half]\naws_access_key_id=HALFKEY\n[role]\nrole_arn=arn:aws:iam::123456789012:role/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lambda := map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hushhush",
		"AWS_SHARED_CREDENTIALS_FILE": file, "LOCKWARDEN_PROFILE_S3": "store",
	}
	set(t, lambda)
	cfg, err := wiring.AWS()
	if err != nil {
		t.Fatal(err)
	}
	for service, want := range map[string]string{s3.ServiceID: "STOREKEY", sns.ServiceID: "AKIDEXAMPLE"} {
		own, err := wiring.For(cfg, service)
		if err != nil {
			t.Fatal(err)
		}
		if keys, err := own.Credentials.Retrieve(t.Context()); err != nil || keys.AccessKeyID != want || (want == "STOREKEY" && keys.SecretAccessKey != "sto=re") {
			t.Errorf("%s is called as %s (%v)", service, keys.AccessKeyID, err)
		}
	}
	for profile, want := range map[string]string{"half": "aws_secret_access_key", "role": "other kinds of profiles", "nobody": "no such profile"} {
		t.Run("a profile that cannot be used is named with its file: "+profile, func(t *testing.T) {
			t.Setenv("LOCKWARDEN_PROFILE_S3", profile)
			_, err := wiring.For(cfg, s3.ServiceID)
			if err == nil || strings.Contains(err.Error(), "KEY\"") || strings.Contains(err.Error(), "HALFKEY") {
				t.Fatalf("got %v", err)
			}
			for _, part := range []string{"LOCKWARDEN_PROFILE_S3", file, want} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("does not name %q: %v", part, err)
				}
			}
		})
	}
	t.Run("a file that is not there", func(t *testing.T) {
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file+"-gone")
		if _, err := wiring.For(cfg, s3.ServiceID); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
}

// The stack makes the report bucket, whose report the console and people in AWS read.
func TestTheReportBucketIsInAWSUnlessItIsSaidToBeElsewhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[store]\naws_access_key_id = STOREKEY\naws_secret_access_key = x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	store := map[string]string{"AWS_ENDPOINT_URL_S3": "http://store.example", "LOCKWARDEN_PROFILE_S3": "store", "AWS_SHARED_CREDENTIALS_FILE": file}
	for name, tc := range map[string]struct {
		more          map[string]string
		endpoint, key string
	}{
		"nothing is set":                           {nil, "", "AKIDEXAMPLE"},
		"an emulator of everything":                {map[string]string{"AWS_ENDPOINT_URL": "http://all.example"}, "http://all.example", "AKIDEXAMPLE"},
		"states outside of AWS":                    {store, "", "AKIDEXAMPLE"},
		"states outside of AWS, and an emulator":   {with(store, "AWS_ENDPOINT_URL", "http://all.example"), "http://all.example", "AKIDEXAMPLE"},
		"the report outside of AWS, as the states": {with(store, "REPORT_ENDPOINT_URL", "http://store.example"), "http://store.example", "STOREKEY"},
	} {
		t.Run(name, func(t *testing.T) {
			set(t, map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hushhush"}, tc.more)
			cfg, err := wiring.AWS()
			if err != nil {
				t.Fatal(err)
			}
			states := endpoints(cfg)["S3"]
			own, err := wiring.ForReports(cfg)
			if err != nil {
				t.Fatal(err)
			}
			keys, err := own.Credentials.Retrieve(t.Context())
			if got := endpoints(own)["S3"]; got != tc.endpoint || keys.AccessKeyID != tc.key || err != nil {
				t.Errorf("the report is written to %q as %s, %v", got, keys.AccessKeyID, err)
			}
			if got := endpoints(cfg)["S3"]; got != states {
				t.Errorf("states are read at %q afterwards, and not at %q", got, states)
			}
		})
	}
}

func with(all map[string]string, name, value string) map[string]string {
	more := maps.Clone(all)
	more[name] = value
	return more
}

func set(t *testing.T, all ...map[string]string) {
	t.Helper()
	for _, name := range []string{
		"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SNS", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
		"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "LOCKWARDEN_PROFILE_S3", "REPORT_ENDPOINT_URL",
	} {
		t.Setenv(name, "")
	}
	for _, some := range all {
		for name, value := range some {
			t.Setenv(name, value)
		}
	}
}
