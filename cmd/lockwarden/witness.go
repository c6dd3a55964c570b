package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/pkg/wiring"
)

const witnessOutput = "WitnessQueueArn"

type witnessCommand struct {
	Bucket string `arg:"" help:"Name of a watched bucket in the stack's region and account."`
	Apply  bool   `help:"Make the change, after a confirmation."`
	Yes    bool   `help:"Do not ask; with --apply."`
}

// Run shows, or makes, the change by which a bucket notifies the stack's witness. It
// changes a bucket with the caller's own permissions: no function may change what is watched
// (docs/adr/0016).
func (c witnessCommand) Run(ctx context.Context, s *session) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	queue := s.outputs[witnessOutput]
	if queue == "" {
		return fmt.Errorf("stack %s has no output %s: it watches no bucket, or is older than the witness", s.Stack, witnessOutput)
	}
	cfg, err := wiring.For(s.config, s3.ServiceID)
	if err != nil {
		return err
	}
	client := s3.NewFromConfig(cfg, storeOptions)
	if err := c.sameRegion(ctx, s, client, queue); err != nil {
		return err
	}
	before, err := readNotifications(ctx, client, c.Bucket)
	if err != nil {
		return err
	}
	after, changed, err := before.with(queue)
	if overlap, ok := errors.AsType[*overlapError](err); ok {
		fmt.Fprintf(s.err, "refused: bucket %s: %s.\n", line(c.Bucket), line(overlap.Error()))
		return outcomeError{exitRefused}
	}
	if !changed {
		return s.unchanged(c.Bucket, after)
	}
	if !c.Apply {
		return s.printChange(c.Bucket, after)
	}
	if err := c.confirm(ctx, s, before, queue); err != nil {
		return err
	}
	return c.put(ctx, s, client, after)
}

// sameRegion refuses a bucket that can notify no queue of the stack.
func (c witnessCommand) sameRegion(ctx context.Context, s *session, client *s3.Client, queue string) error {
	at, err := arn.Parse(queue)
	if err != nil {
		return fmt.Errorf("the stack's output %s is not an ARN: %w", witnessOutput, err)
	}
	region, err := regionOf(ctx, client, c.Bucket)
	if err != nil {
		return err
	}
	if region != "" && region != at.Region {
		fmt.Fprintf(s.err, "refused: bucket %s is in %s and the stack in %s. S3 notifies only queues of its own region, so locks in this bucket have no witness. Scans and alerts work without.\n",
			line(c.Bucket), line(region), at.Region)
		return outcomeError{exitRefused}
	}
	return nil
}

// regionOf asks in which region a bucket is. From another region S3 answers with a
// redirect that names it.
func regionOf(ctx context.Context, client *s3.Client, bucket string) (string, error) {
	out, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if err == nil {
		return aws.ToString(out.BucketRegion), nil
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok && response.Response != nil {
		if region := response.Response.Header.Get("X-Amz-Bucket-Region"); region != "" && response.HTTPStatusCode() == 301 {
			return region, nil
		}
	}
	return "", fmt.Errorf("bucket %s: %w", bucket, err)
}

func readNotifications(ctx context.Context, client *s3.Client, bucket string) (notifications, error) {
	out, err := client.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: &bucket})
	if err != nil {
		return notifications{}, fmt.Errorf("the notifications of bucket %s cannot be read: %w", bucket, err)
	}
	return notifications{out.TopicConfigurations, out.QueueConfigurations, out.LambdaFunctionConfigurations, out.EventBridgeConfiguration}, nil
}

func (c witnessCommand) confirm(ctx context.Context, s *session, before notifications, queue string) error {
	kept := len(before.Topics) + len(before.Queues) + len(before.Functions)
	for _, q := range before.Queues {
		if isWitnessRule(aws.ToString(q.Id)) {
			kept--
		}
	}
	for _, other := range before.replaced(queue) {
		fmt.Fprintf(s.err, "The bucket notifies the witness of another stack, by its queue %s. That ends: a bucket has one witness.\n", line(other))
	}
	if c.Yes {
		return nil
	}
	answer, err := s.ask(ctx, fmt.Sprintf("Have bucket %s notify the witness of its lock objects? Its %d other rules stay. Only \"yes\" does it: ", line(c.Bucket), kept))
	if err != nil {
		return err
	}
	if answer != "yes" {
		fmt.Fprintln(s.err, "Nothing was changed.")
		return outcomeError{exitUnconfirmed}
	}
	return nil
}

// put writes the merged configuration, and reads it once more: S3 takes no condition, so
// another change at the same moment may have replaced it.
func (c witnessCommand) put(ctx context.Context, s *session, client *s3.Client, after notifications) error {
	_, err := client.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: &c.Bucket, NotificationConfiguration: &types.NotificationConfiguration{
			TopicConfigurations: after.Topics, QueueConfigurations: after.Queues, LambdaFunctionConfigurations: after.Functions, EventBridgeConfiguration: after.EventBridge,
		},
	})
	if err != nil {
		return &functionError{fmt.Sprintf("the notifications of bucket %s could not be changed: %v", c.Bucket, err)}
	}
	now, err := readNotifications(ctx, client, c.Bucket)
	if err != nil {
		return &functionError{err.Error()}
	}
	if _, missing, err := now.with(s.outputs[witnessOutput]); missing || err != nil {
		return &functionError{fmt.Sprintf("bucket %s: somebody else changed the notifications at the same time: run this again", c.Bucket)}
	}
	if s.JSON {
		return s.printNotifications(now)
	}
	s.say("Bucket %s notifies the witness of its lock objects from now on.", line(c.Bucket))
	return nil
}

func (s *session) unchanged(bucket string, now notifications) error {
	if s.JSON {
		return s.printNotifications(now)
	}
	s.say("Bucket %s notifies the witness already: there is nothing to change.", line(bucket))
	return nil
}

// printChange shows the configuration that would be written, and the ways to write it.
func (s *session) printChange(bucket string, after notifications) error {
	if err := s.printNotifications(after); err != nil || s.JSON {
		return err
	}
	s.say("\nThis would be the whole notification configuration of bucket %s. Nothing was changed. To write it:", line(bucket))
	s.say("  lockwarden witness %s --apply", line(bucket))
	s.say("or save it as notifications.json, and:")
	s.say("  aws s3api put-bucket-notification-configuration --bucket %s --notification-configuration file://notifications.json", line(bucket))
	return nil
}

// printNotifications leaves out what the SDK's types have and the AWS CLI does not read.
func (s *session) printNotifications(n notifications) error {
	raw, err := json.Marshal(n)
	if err != nil {
		return err
	}
	var all map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if err := decoder.Decode(&all); err != nil {
		return err
	}
	dropNulls(all)
	if raw, err = json.Marshal(all); err != nil {
		return err
	}
	return s.printJSON(raw)
}

func dropNulls(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, one := range v {
			if one == nil {
				delete(v, name)
			}
			dropNulls(one)
		}
	case []any:
		for _, one := range v {
			dropNulls(one)
		}
	}
}
