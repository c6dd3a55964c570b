package wiring_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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

func set(t *testing.T, all ...map[string]string) {
	t.Helper()
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"} {
		t.Setenv(name, "")
	}
	for _, some := range all {
		for name, value := range some {
			t.Setenv(name, value)
		}
	}
}
