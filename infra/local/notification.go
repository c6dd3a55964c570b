package local

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Notification is one of S3's event notifications. moto's own have neither a principal nor
// an order, so this one is made of the real versions of an object, in the form of AWS.
type Notification struct {
	Name      string // ObjectCreated:Put
	Bucket    string
	Key       string
	Size      int64
	ETag      string
	VersionID string
	Sequencer string
	Time      time.Time
	Principal string // AWS:AROAEXAMPLE:SESSION
	Address   string // empty: S3 says none
}

// Notifications are S3's notifications of everything that was done to a lock object in a
// versioned bucket, the oldest first, without a principal. A lock object is created and
// removed alternately, which orders what was done in one second.
func (a *AWS) Notifications(ctx context.Context, bucket, key string) ([]Notification, error) {
	out, err := a.S3().ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &key})
	if err != nil {
		return nil, err
	}
	var created, removed []Notification
	for _, v := range out.Versions {
		created = append(created, Notification{
			Name: "ObjectCreated:Put", Bucket: bucket, Key: key, Size: aws.ToInt64(v.Size), ETag: strings.Trim(aws.ToString(v.ETag), `"`),
			VersionID: aws.ToString(v.VersionId), Time: aws.ToTime(v.LastModified),
		})
	}
	for _, m := range out.DeleteMarkers {
		removed = append(removed, Notification{
			Name: "ObjectRemoved:DeleteMarkerCreated", Bucket: bucket, Key: key, ETag: "d41d8cd98f00b204e9800998ecf8427e",
			VersionID: aws.ToString(m.VersionId), Time: aws.ToTime(m.LastModified),
		})
	}
	slices.Reverse(created) // S3 lists the newest first
	slices.Reverse(removed)
	var all []Notification
	for i, n := range created {
		all = append(all, n)
		if i < len(removed) {
			all = append(all, removed[i])
		}
	}
	for i := range all {
		all[i].Sequencer = fmt.Sprintf("0066%010X%04X", all[i].Time.Unix(), i)
	}
	return all, nil
}

// By is the notification of the same by a session of a role.
func (n Notification) By(session string) Notification {
	n.Principal, n.Address = "AWS:AROAZ7EXAMPLEROLEID01:"+session, "192.0.2.44"
	return n
}

// Body is what S3 sends to a queue.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func (n Notification) Body() (string, error) {
	object := map[string]any{"key": strings.ReplaceAll(url.QueryEscape(n.Key), "%2F", "/"), "sequencer": n.Sequencer}
	for name, value := range map[string]string{"eTag": n.ETag, "versionId": n.VersionID} {
		if value != "" {
			object[name] = value
		}
	}
	if n.Size > 0 {
		object["size"] = n.Size
	}
	parameters := map[string]any{}
	if n.Address != "" {
		parameters["sourceIPAddress"] = n.Address
	}
	body, err := json.Marshal(map[string]any{"Records": []any{map[string]any{
		"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": Region, "eventTime": n.Time.UTC().Format("2006-01-02T15:04:05.000Z"), "eventName": n.Name,
		"userIdentity": map[string]any{"principalId": n.Principal}, "requestParameters": parameters,
		"responseElements": map[string]any{"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"},
		"s3": map[string]any{
			"s3SchemaVersion": "1.0", "configurationId": "lockwarden", "object": object,
			"bucket": map[string]any{"name": n.Bucket, "arn": "arn:aws:s3:::" + n.Bucket, "ownerIdentity": map[string]any{"principalId": "A3NL1KOZZKEXAMPLE"}},
		},
	}}})
	return string(body), err
}

// Notify delivers notifications to the witness function as Lambda does from its queue, in
// one batch, in this order. It fails where the function does not take one of them.
func (s *Stack) Notify(ctx context.Context, all ...Notification) error {
	messages := make([]map[string]any, len(all))
	for i, n := range all {
		body, err := n.Body()
		if err != nil {
			return err
		}
		messages[i] = map[string]any{
			"messageId": fmt.Sprintf("059f36b4-87a3-44ab-83d2-%012d", i), "receiptHandle": "x", "body": body, "attributes": map[string]string{"ApproximateReceiveCount": "1"},
			"messageAttributes": map[string]any{}, "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:" + Region + ":123456789012:" + s.Resources["WitnessQueue"], "awsRegion": Region,
		}
	}
	payload, err := json.Marshal(map[string]any{"Records": messages})
	if err != nil {
		return err
	}
	result, err := s.Invoke(ctx, "witness", "WitnessFunction", string(payload))
	if err == nil && (result.Failed || result.Payload != `{"batchItemFailures":[]}`) {
		err = fmt.Errorf("the witness did not take everything: %s\n%s", result.Payload, result.Log)
	}
	return err
}
