package run

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

func ec2At(endpoint string) EC2 {
	return NewEC2(aws.Config{Region: "eu-central-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("AKID", "s3cr3t", "")})
}

// The call and the answers are in the form of EC2's API reference.
func TestInstancesAreDescribed(t *testing.T) {
	t.Parallel()
	const page = `<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><reservationSet>%s</reservationSet>%s</DescribeInstancesResponse>`
	const reservation = `<item><reservationId>r-1</reservationId><instancesSet><item><instanceId>%s</instanceId><imageId>ami-1</imageId><instanceState><code>48</code><name>terminated</name></instanceState><reason>User initiated (2026-11-28 10:20:00 GMT)</reason><tagSet><item><key>name</key></item></tagSet></item></instancesSet></item>`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("Action") != "DescribeInstances" || r.FormValue("Filter.1.Name") != "instance-id" || r.FormValue("Filter.1.Value.2") != "i-2" || r.FormValue("Filter.1.Value.3") != "" {
			t.Errorf("asked for %v", r.Form)
		}
		if signed := r.Header.Get("Authorization"); !strings.Contains(signed, "/eu-central-1/ec2/aws4_request") || strings.Contains(signed, "s3cr3t") {
			t.Errorf("signed %q", signed)
		}
		if r.FormValue("NextToken") == "" {
			fmt.Fprintf(w, page, fmt.Sprintf(reservation, "i-1"), "<nextToken>more</nextToken>")
			return
		}
		fmt.Fprintf(w, page, fmt.Sprintf(reservation, "i-2"), "")
	}))
	t.Cleanup(server.Close)
	got, err := ec2At(server.URL).DescribeInstances(t.Context(), []string{"i-1", "i-2"})
	const reason = "User initiated (2026-11-28 10:20:00 GMT)"
	if diff := cmp.Diff([]Instance{{"i-1", "terminated", reason}, {"i-2", "terminated", reason}}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestWhatEC2DoesNotAnswerIsAnError(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status     int
		body, code string
	}{
		"a refusal":                     {403, `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized.</Message></Error></Errors><RequestID>r</RequestID></Response>`, "UnauthorizedOperation"},
		"a page of a proxy":             {200, `<html><body>sign in</p>`, ""},
		"an error without a body":       {503, "", ""},
		"more than an answer ever has":  {200, strings.Repeat("<a>", 8<<20), ""},
		"a refusal that is not in form": {400, `{"code":"x"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				fmt.Fprint(w, tc.body)
			}))
			t.Cleanup(server.Close)
			got, err := ec2At(server.URL).DescribeInstances(t.Context(), []string{"i-1"})
			if err == nil || got != nil {
				t.Fatalf("%v", got)
			}
			if fault, ok := errors.AsType[smithy.APIError](err); tc.code != "" && (!ok || fault.ErrorCode() != tc.code) {
				t.Errorf("%v", err)
			}
		})
	}
}
