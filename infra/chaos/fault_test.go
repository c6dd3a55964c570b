package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/pkg/metric"
)

// A fault is one only when the SDK takes it for what it is.
func TestTheSDKKnowsEachRefusal(t *testing.T) {
	for name, ask := range map[string]func(ctx context.Context, cfg aws.Config) error{
		"DynamoDB": func(ctx context.Context, cfg aws.Config) error {
			_, err := dynamodb.NewFromConfig(cfg).ListTables(ctx, &dynamodb.ListTablesInput{})
			return err
		},
		"S3": func(ctx context.Context, cfg aws.Config) error {
			_, err := s3.NewFromConfig(cfg).ListBuckets(ctx, &s3.ListBucketsInput{})
			return err
		},
		"SNS": func(ctx context.Context, cfg aws.Config) error {
			_, err := sns.NewFromConfig(cfg).ListTopics(ctx, &sns.ListTopicsInput{})
			return err
		},
		"CloudWatch": func(ctx context.Context, cfg aws.Config) error {
			return metric.NewPublisher(cfg, "Test").CountReleased(ctx, 1, time.Now())
		},
	} {
		operation := map[string]string{"DynamoDB": "ListTables", "S3": "ListBuckets", "SNS": "ListTopics", "CloudWatch": "PutMetricData"}[name]
		at := call{name, operation, 1}
		for _, f := range lasting {
			w := &wire{at: at, fault: f, invocation: newInvocation()}
			err := ask(w.invocation, over(server.Config(), w, false))
			if !w.met || len(w.calls) != 1 || w.calls[0].call != at {
				t.Fatalf("%s: calls %v", at, w.calls)
			}
			if want := refusals[name][f].code; want != "" {
				api, ok := errors.AsType[smithy.APIError](err)
				if want == "InternalServiceError" {
					want = "InternalServiceFault" // the SDK's own name for it
				}
				if !ok || api.ErrorCode() != want || api.ErrorMessage() != message {
					t.Errorf("%s %s: the SDK says %v", at, f, err)
				}
			} else if err == nil && f != garbled && f != cutWithin {
				t.Errorf("%s %s: no error", at, f)
			}
		}
		for _, f := range passing {
			w := &wire{at: at, fault: f, invocation: newInvocation()}
			if err := ask(w.invocation, over(server.Config(), w, true)); err != nil || len(w.calls) != 2 {
				t.Errorf("%s %s: %v after %v", at, f, err, w.calls)
			}
		}
	}
}
