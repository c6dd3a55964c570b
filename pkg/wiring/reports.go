package wiring

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ForReports returns the configuration of S3 for the report bucket. The stack makes it, so it is
// in AWS although AWS_ENDPOINT_URL_S3 leads to the states elsewhere: that variable and
// LOCKWARDEN_PROFILE_S3 do not count for it. REPORT_ENDPOINT_URL says that it is in such a
// store too, which is called with the keys of the states. Its error is that of For.
func ForReports(cfg aws.Config) (aws.Config, error) {
	cfg = cfg.Copy()
	url := ""
	sources := make([]any, len(cfg.ConfigSources))
	for i, source := range cfg.ConfigSources {
		sources[i] = source
		if p, ok := source.(place); ok {
			url, sources[i] = p.Reports, withoutService{p}
		}
	}
	cfg.ConfigSources = sources
	if url == "" {
		return cfg, nil
	}
	cfg.BaseEndpoint = &url
	return For(cfg, s3.ServiceID)
}

// withoutService is a place where no service has an endpoint of its own.
type withoutService struct{ place }

// GetServiceBaseEndpoint hides the place's.
func (withoutService) GetServiceBaseEndpoint(context.Context, string) (string, bool, error) {
	return "", false, nil
}
