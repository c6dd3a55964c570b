package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// EC2ID is the SDK's name for the service, for its endpoint and its credentials.
const EC2ID = "EC2"

// ec2Query makes the one call of EC2 by itself, signed by the SDK: the SDK's own client of
// EC2 takes two gigabytes to compile, for each function that is built at once
// (docs/adr/0017).
type ec2Query struct {
	cfg  aws.Config
	http aws.HTTPClient
}

// NewEC2 makes a client of EC2 in the region of the configuration.
func NewEC2(cfg aws.Config) EC2 {
	client := cfg.HTTPClient
	if client == nil {
		client = awshttp.NewBuildableClient()
	}
	return &ec2Query{cfg, client}
}

// maxAnswer bounds an answer: 200 instances take 2 MB.
const maxAnswer = 8 << 20

// answer is what DescribeInstances gives, or an error.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
type answer struct {
	Instances []Instance `xml:"reservationSet>item>instancesSet>item"`
	Next      string     `xml:"nextToken"`
	Code      string     `xml:"Errors>Error>Code"`
	Message   string     `xml:"Errors>Error>Message"`
}

// DescribeInstances filters by IDs instead of naming them: one name that EC2 does not know
// would fail the call for all. It fails with a smithy.APIError where EC2 refuses.
func (q *ec2Query) DescribeInstances(ctx context.Context, ids []string) ([]Instance, error) {
	form := url.Values{"Action": {"DescribeInstances"}, "Version": {"2016-11-15"}, "Filter.1.Name": {"instance-id"}}
	for n, id := range ids {
		form.Set(fmt.Sprintf("Filter.1.Value.%d", n+1), id)
	}
	var all []Instance
	for {
		page, err := q.post(ctx, form)
		if err != nil {
			return nil, err
		}
		if all = append(all, page.Instances...); page.Next == "" || page.Next == form.Get("NextToken") {
			return all, nil
		}
		form.Set("NextToken", page.Next)
	}
}

func (q *ec2Query) post(ctx context.Context, form url.Values) (answer, error) {
	body := form.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, q.endpoint(ctx), strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	keys, err := q.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return answer{}, err
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, keys, request, hex.EncodeToString(sum[:]), "ec2", q.cfg.Region, time.Now()); err != nil {
		return answer{}, err
	}
	response, err := q.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close() //nolint:errcheck // nothing is lost with a body that was read
	var a answer
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil {
		err = xml.Unmarshal(text, &a)
	}
	switch {
	case a.Code != "":
		return answer{}, &smithy.GenericAPIError{Code: a.Code, Message: a.Message}
	case response.StatusCode != http.StatusOK:
		return answer{}, fmt.Errorf("its answer is %d", response.StatusCode)
	case err != nil:
		return answer{}, errors.New("its answer is not XML that is understood")
	}
	return a, nil
}

// endpoint is where EC2 is, by the rules of the SDK.
func (q *ec2Query) endpoint(ctx context.Context) string {
	if q.cfg.BaseEndpoint != nil {
		return strings.TrimSuffix(*q.cfg.BaseEndpoint, "/") + "/"
	}
	name, domain := "ec2", "amazonaws.com"
	for _, source := range q.cfg.ConfigSources {
		if s, ok := source.(interface {
			GetUseFIPSEndpoint(ctx context.Context) (aws.FIPSEndpointState, bool, error)
		}); ok {
			if state, found, err := s.GetUseFIPSEndpoint(ctx); err == nil && found && state == aws.FIPSEndpointStateEnabled && !strings.HasPrefix(q.cfg.Region, "us-gov-") {
				name = "ec2-fips" // in GovCloud every endpoint is one
			}
		}
	}
	if strings.HasPrefix(q.cfg.Region, "cn-") {
		domain = "amazonaws.com.cn"
	}
	return "https://" + name + "." + q.cfg.Region + "." + domain + "/"
}
