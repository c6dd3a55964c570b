package run

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/pkg/signed"
)

// EC2ID is the SDK's name for the service, for its endpoint and its credentials.
const EC2ID = "EC2"

// ec2Query makes the one call of EC2 that is needed: the SDK's own client takes two
// gigabytes to compile, for each function that is built at once (docs/adr/0017).
type ec2Query struct{ service *signed.Service }

// NewEC2 makes a client of EC2 in the region of the configuration.
func NewEC2(cfg aws.Config) EC2 { return ec2Query{signed.New(cfg, EC2ID, "ec2")} }

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
func (q ec2Query) DescribeInstances(ctx context.Context, ids []string) ([]Instance, error) {
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

func (q ec2Query) post(ctx context.Context, form url.Values) (answer, error) {
	got, err := q.service.Post(ctx, "/", map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, []byte(form.Encode()))
	if err != nil {
		return answer{}, err
	}
	var a answer
	err = xml.Unmarshal(got.Body, &a)
	switch {
	case a.Code != "":
		return answer{}, &smithy.GenericAPIError{Code: a.Code, Message: a.Message}
	case got.Status != http.StatusOK:
		return answer{}, fmt.Errorf("its answer is %d", got.Status)
	case err != nil:
		return answer{}, errors.New("its answer is not XML that is understood")
	}
	return a, nil
}
