package wiring

import (
	"context"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/middleware"
	"github.com/caarlos0/env/v11"

	"github.com/lockwarden/lockwarden/pkg/httpbody"
	"github.com/lockwarden/lockwarden/pkg/version"
)

// place is what the environment says of AWS. The SDK's own config.LoadDefaultConfig would
// look into shared files, SSO, STS and the instance's metadata too, none of which a Lambda
// has, and loading those clients is a fifth of the start (docs/adr/0013).
type place struct {
	Region          string `env:"AWS_REGION,notEmpty"`
	AccessKey       string `env:"AWS_ACCESS_KEY_ID,notEmpty"`
	Secret          string `env:"AWS_SECRET_ACCESS_KEY,notEmpty"`
	SessionToken    string `env:"AWS_SESSION_TOKEN"`
	Endpoint        string `env:"AWS_ENDPOINT_URL"` // of services without an endpoint of their own
	IgnoreEndpoints bool   `env:"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"`
	Reports         string `env:"REPORT_ENDPOINT_URL"` // of the report bucket, where it is not in AWS
	FIPS            bool   `env:"AWS_USE_FIPS_ENDPOINT"`
	DualStack       bool   `env:"AWS_USE_DUALSTACK_ENDPOINT"`
}

// connections are kept open to each service.
const connections = 64

// minCompress is the SDK's own default: smaller requests are not worth compressing.
const minCompress = 10 << 10

// AWS is how functions reach AWS: where Lambda runs them, as the role that it gives them,
// at the endpoints that the variables of the SDKs name (AWS_ENDPOINT_URL, and for one
// service AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_DYNAMODB, …). Its error names each variable
// that is missing, or is not a boolean, and says no credential.
func AWS() (aws.Config, error) {
	p, err := env.ParseAs[place]()
	if err != nil {
		return aws.Config{}, err
	}
	cfg := aws.Config{
		Region:      p.Region,
		Credentials: credentials.NewStaticCredentialsProvider(p.AccessKey, p.Secret, p.SessionToken),
		// As many connections stay open as workers talk at once: the SDK's own ten would open
		// most of them again for each call.
		HTTPClient:                  httpbody.Plain(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = connections })),
		RequestMinCompressSizeBytes: minCompress,
		ConfigSources:               []any{p},
		APIOptions:                  []func(*middleware.Stack) error{awsmiddleware.AddUserAgentKeyValue("lockwarden", version.Current)}, // CloudTrail shows it
	}
	if p.Endpoint != "" && !p.IgnoreEndpoints {
		cfg.BaseEndpoint = &p.Endpoint
	}
	return cfg, nil
}

// GetServiceBaseEndpoint returns the endpoint of one service, by its ID in the SDKs. The SDK's
// clients look for this method, and let it win over AWS_ENDPOINT_URL.
func (p place) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	url := os.Getenv("AWS_ENDPOINT_URL_" + variable(sdkID))
	return url, url != "", nil
}

// variable is the SDK's ID of a service as names of variables have it: "Cost Explorer" is
// COST_EXPLORER.
func variable(sdkID string) string { return strings.ToUpper(strings.ReplaceAll(sdkID, " ", "_")) }

// GetIgnoreConfiguredEndpoints tells the SDK's clients, which look for this method.
func (p place) GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error) {
	return p.IgnoreEndpoints, true, nil
}

// GetUseFIPSEndpoint tells the SDK's clients, which look for this method.
func (p place) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointStateEnabled, p.FIPS, nil
}

// GetUseDualStackEndpoint tells the SDK's clients, which look for this method.
func (p place) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return aws.DualStackEndpointStateEnabled, p.DualStack, nil
}
