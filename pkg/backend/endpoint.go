package backend

import (
	"net/url"
	"strings"
)

// awsDomains are where AWS's own endpoints are, those of VPCs included.
// https://docs.aws.amazon.com/general/latest/gr/rande.html
var awsDomains = []string{
	".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".c2s.ic.gov", ".sc2s.sgov.gov", ".cloud.adc-e.uk", ".csp.hci.ic.gov",
	".api.aws", ".api.amazonwebservices.com.cn", ".api.amazonwebservices.eu", ".api.aws.ic.gov", ".api.aws.scloud", ".api.cloud-aws.adc-e.uk", ".api.aws.hci.ic.gov",
}

// outsideAWS reports whether an endpoint is not one of AWS itself: an emulator's, or that of a
// store that speaks the same protocol. Nil means that none is set, so AWS.
func outsideAWS(endpoint *string) bool {
	if endpoint == nil {
		return false
	}
	address, err := url.Parse(*endpoint)
	if err != nil {
		return true
	}
	host := strings.ToLower(strings.TrimSuffix(address.Hostname(), "."))
	for _, domain := range awsDomains {
		if strings.HasSuffix(host, domain) {
			return false
		}
	}
	return true
}
