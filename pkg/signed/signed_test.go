package signed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/pkg/signed"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

func config(endpoint string) aws.Config {
	return aws.Config{Region: "eu-central-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("AKID", "s3cr3t", "token")}
}

// A call is one of AWS's JSON protocol, signed for its service.
func TestACallIsSigned(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" || string(body) != `{"Name":"x"}` {
			t.Errorf("%s %s %v %s, %v", r.Method, r.URL, r.Header, body, err)
		}
		if sign := r.Header.Get("Authorization"); !strings.Contains(sign, "/eu-central-1/ssm/aws4_request") || strings.Contains(sign, "s3cr3t") || r.Header.Get("X-Amz-Security-Token") != "token" {
			t.Errorf("signed %q", sign)
		}
		fmt.Fprint(w, `{"Value":"y"}`)
	}))
	t.Cleanup(server.Close)
	var out struct{ Value string }
	if err := signed.New(config(server.URL+"/"), "SSM", "ssm").Read(t.Context(), "AmazonSSM.GetParameter", map[string]string{"Name": "x"}, &out); err != nil || out.Value != "y" {
		t.Errorf("%+v, %v", out, err)
	}
}

// What may pass by itself is asked again, what the service refuses is not; whatever comes
// in place of an answer is an error that quotes nothing of it.
func TestWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status      int
		body, code  string
		calls       int
		headerError string
	}{
		"a refusal":                 {400, `{"__type":"com.amazonaws.ssm#ParameterNotFound"}`, "ParameterNotFound", 1, ""},
		"a refusal, by its header":  {403, `{"Message":"no"}`, "AccessDeniedException", 1, "AccessDeniedException:http://internal.amazon.com/coral/"},
		"a throttle":                {400, `{"__type":"ThrottlingException","message":"Rate exceeded"}`, "ThrottlingException", 3, ""},
		"a fault of the service":    {500, `{"__type":"InternalServerError"}`, "InternalServerError", 3, ""},
		"a gateway without an API":  {502, `<html>s3cr3t</html>`, "Status502", 3, ""},
		"a page of a proxy":         {200, `<html>s3cr3t</html>`, "", 1, ""},
		"more than AWS ever says":   {200, `"` + strings.Repeat("x", 9<<20) + `"`, "", 1, ""},
		"a refusal without a name":  {418, ``, "Status418", 1, ""},
		"an answer of another form": {200, `{"Value":7}`, "", 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls++
				if tc.headerError != "" {
					w.Header().Set("X-Amzn-Errortype", tc.headerError)
				}
				w.WriteHeader(tc.status)
				fmt.Fprint(w, tc.body)
			}))
			t.Cleanup(server.Close)
			var out struct{ Value string }
			err := signed.New(config(server.URL), "SSM", "ssm").Read(t.Context(), "AmazonSSM.GetParameter", nil, &out)
			if err == nil || calls != tc.calls || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("after %d calls: %v", calls, err)
			}
			fault, ok := errors.AsType[smithy.APIError](err)
			if ok != (tc.code != "") || (ok && fault.ErrorCode() != tc.code) {
				t.Errorf("%v, want %s", err, tc.code)
			}
		})
	}
}

// going records where a request goes.
type going struct{ to string }

func (g *going) Do(r *http.Request) (*http.Response, error) {
	g.to = r.URL.Scheme + "://" + r.URL.Host
	return nil, errors.New("no further")
}

// A call goes where the SDK's clients would go.
func TestWhereServicesAre(t *testing.T) {
	for name, tc := range map[string]struct {
		region, service string
		environment     map[string]string
		want            string
	}{
		"AWS":                         {"eu-central-1", "SSM", nil, "https://ssm.eu-central-1.amazonaws.com"},
		"China":                       {"cn-north-1", "SSM", nil, "https://ssm.cn-north-1.amazonaws.com.cn"},
		"the European cloud":          {"eusc-de-east-1", "SSM", nil, "https://ssm.eusc-de-east-1.amazonaws.eu"},
		"the European cloud, IPv6":    {"eusc-de-east-1", "SSM", map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://ssm.eusc-de-east-1.api.amazonwebservices.eu"},
		"a region that is apart":      {"us-isob-east-1", "SSM", nil, "https://ssm.us-isob-east-1.sc2s.sgov.gov"},
		"GovCloud":                    {"us-gov-west-1", "EC2", nil, "https://ec2.us-gov-west-1.amazonaws.com"},
		"FIPS":                        {"us-east-1", "SSM", map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}, "https://ssm-fips.us-east-1.amazonaws.com"},
		"FIPS in GovCloud":            {"us-gov-west-1", "SSM", map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}, "https://ssm.us-gov-west-1.amazonaws.com"},
		"IPv6 too":                    {"eu-central-1", "SSM", map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://ssm.eu-central-1.api.aws"},
		"an endpoint for all":         {"eu-central-1", "SSM", map[string]string{"AWS_ENDPOINT_URL": "http://all:1/"}, "http://all:1"},
		"an endpoint for this one":    {"eu-central-1", "SSM", map[string]string{"AWS_ENDPOINT_URL": "http://all:1", "AWS_ENDPOINT_URL_SSM": "http://one:2"}, "http://one:2"},
		"an endpoint for another":     {"eu-central-1", "SSM", map[string]string{"AWS_ENDPOINT_URL_EC2": "http://one:2"}, "https://ssm.eu-central-1.amazonaws.com"},
		"EC2's own":                   {"eu-central-1", "EC2", map[string]string{"AWS_ENDPOINT_URL_EC2": "http://one:2"}, "http://one:2"},
		"endpoints that are not used": {"eu-central-1", "SSM", map[string]string{"AWS_ENDPOINT_URL": "http://all:1", "AWS_ENDPOINT_URL_SSM": "http://one:2", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "https://ssm.eu-central-1.amazonaws.com"},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range map[string]string{"AWS_REGION": tc.region, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL": ""} {
				t.Setenv(variable, value)
			}
			for variable, value := range tc.environment {
				t.Setenv(variable, value)
			}
			cfg, err := wiring.AWS()
			if err != nil {
				t.Fatal(err)
			}
			g := &going{}
			cfg.HTTPClient = g
			if _, err := signed.New(cfg, tc.service, strings.ToLower(tc.service)).Post(t.Context(), "/", nil, nil); err == nil || g.to != tc.want {
				t.Errorf("went to %s, want %s", g.to, tc.want)
			}
		})
	}
}

// The domains are those that the SDK's own clients go to.
func TestEachPartitionIsThatOfTheSDK(t *testing.T) {
	for _, region := range []string{"us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1"} {
		for _, dual := range []string{"false", "true"} {
			t.Setenv("AWS_REGION", region)
			t.Setenv("AWS_ACCESS_KEY_ID", "x")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
			t.Setenv("AWS_ENDPOINT_URL", "")
			t.Setenv("AWS_USE_DUALSTACK_ENDPOINT", dual)
			cfg, err := wiring.AWS()
			if err != nil {
				t.Fatal(err)
			}
			cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
			called, expected := &going{}, &going{}
			cfg.HTTPClient = called
			_, _ = signed.New(cfg, "SNS", "sns").Post(t.Context(), "/", nil, nil)
			cfg.HTTPClient = expected
			_, _ = sns.NewFromConfig(cfg).Publish(t.Context(), &sns.PublishInput{Message: aws.String("x"), TopicArn: aws.String("arn:aws:sns:x:1:t")})
			if called.to == "" || called.to != expected.to {
				t.Errorf("%s, dual stack %s: to %q, and the SDK to %q", region, dual, called.to, expected.to)
			}
		}
	}
}

// A call ends with its context.
func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out json.RawMessage
	if err := signed.New(config(server.URL), "SSM", "ssm").Read(ctx, "AmazonSSM.GetParameter", nil, &out); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
