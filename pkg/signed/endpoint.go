package signed

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// endpoint is where the service is, by the rules of the SDK: at the endpoint that is
// configured for it, else at the one for all services, else where AWS has it. There is no
// slash at its end.
func (s *Service) endpoint(ctx context.Context) string {
	if url, found := s.configured(ctx); found {
		return strings.TrimSuffix(url, "/")
	}
	if s.cfg.BaseEndpoint != nil {
		return strings.TrimSuffix(*s.cfg.BaseEndpoint, "/")
	}
	name, fips, dual := s.name, false, false
	for _, source := range s.cfg.ConfigSources {
		if at, ok := source.(interface {
			GetUseFIPSEndpoint(ctx context.Context) (aws.FIPSEndpointState, bool, error)
		}); ok {
			state, found, err := at.GetUseFIPSEndpoint(ctx)
			fips = fips || (err == nil && found && state == aws.FIPSEndpointStateEnabled)
		}
		if at, ok := source.(interface {
			GetUseDualStackEndpoint(ctx context.Context) (aws.DualStackEndpointState, bool, error)
		}); ok {
			state, found, err := at.GetUseDualStackEndpoint(ctx)
			dual = dual || (err == nil && found && state == aws.DualStackEndpointStateEnabled)
		}
	}
	if inGovCloud := strings.HasPrefix(s.cfg.Region, "us-gov-"); fips && (!inGovCloud || !alwaysFIPS[s.name]) {
		name += "-fips"
	}
	return "https://" + name + "." + s.cfg.Region + "." + domain(s.cfg.Region, dual)
}

// alwaysFIPS are the services whose endpoints in GovCloud are all of that kind, without its
// name.
var alwaysFIPS = map[string]bool{"ec2": true, "ssm": true}

// partition is where an AWS of its own has its endpoints.
type partition struct{ prefix, domain, dual string }

// partitions are those of the SDK (internal/endpoints/awsrulesfn/partitions.json), by the
// beginning of their regions' names; the last one is all the rest.
var partitions = []partition{
	{"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	{"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
	{"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
	{"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
	{"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
	{"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
	{"", "amazonaws.com", "api.aws"},
}

// domain is that of a region's partition.
func domain(region string, dual bool) string {
	at := slices.IndexFunc(partitions, func(p partition) bool { return strings.HasPrefix(region, p.prefix) })
	if dual {
		return partitions[at].dual
	}
	return partitions[at].domain
}

// configured is the endpoint of this one service.
func (s *Service) configured(ctx context.Context) (string, bool) {
	for _, source := range s.cfg.ConfigSources {
		if at, ok := source.(interface {
			GetIgnoreConfiguredEndpoints(ctx context.Context) (bool, bool, error)
		}); ok {
			if ignore, found, err := at.GetIgnoreConfiguredEndpoints(ctx); err == nil && found && ignore {
				return "", false
			}
		}
		if at, ok := source.(interface {
			GetServiceBaseEndpoint(ctx context.Context, sdkID string) (string, bool, error)
		}); ok {
			if url, found, err := at.GetServiceBaseEndpoint(ctx, s.id); err == nil && found {
				return url, true
			}
		}
	}
	return "", false
}
