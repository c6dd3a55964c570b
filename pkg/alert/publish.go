package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// Topic publishes events to an SNS topic.
type Topic struct {
	client   *sns.Client
	arn      string
	composer Composer
}

// NewTopic publishes to the topic of that ARN, in the words of the composer.
func NewTopic(client *sns.Client, arn string, composer Composer) *Topic {
	return &Topic{client, arn, composer}
}

// SNS takes 256 KiB for the message with all its attributes. The event's JSON is
// in it three times and escaped, so it gets a share of that; the rest is for the
// prose and the attributes.
const (
	maxJSON       = 44 << 10
	maxAttributes = 32 << 10
)

// Publish sends one event: JSON for machines, prose for mail, Amazon Q's schema for
// chat. It reports the error of SNS as it is; whoever calls keeps the event then.
func (t *Topic) Publish(ctx context.Context, e Event) error {
	message, err := t.composer.message(e)
	if err != nil {
		return err
	}
	_, err = t.client.Publish(ctx, &sns.PublishInput{
		TopicArn: &t.arn, Subject: aws.String(e.Subject()), Message: &message,
		MessageStructure: aws.String("json"), MessageAttributes: attributes(e),
	})
	if err != nil {
		return fmt.Errorf("publish %s to %s: %w", e.Type, t.arn, err)
	}
	return nil
}

// message gives the JSON object of MessageStructure=json.
func (c Composer) message(e Event) (string, error) {
	// Subject and Mail speak of the whole event, so they come before the cut.
	mail := c.Mail(e)
	chat, err := json.Marshal(c.chat(e))
	if err != nil {
		return "", fmt.Errorf("%s for chat: %w", e.Type, err)
	}
	body, err := fit(e)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(map[string]string{
		"default": string(body), "sqs": string(body), "lambda": string(body), "email": mail, "https": string(chat),
	})
	if err != nil {
		return "", fmt.Errorf("%s for SNS: %w", e.Type, err)
	}
	return string(raw), nil
}

// fit marshals the event with as many of its locks or states as SNS has room for.
// Their size is taken as it will be sent, escaped once more.
func fit(e Event) ([]byte, error) {
	size := 2048
	locks, states := fitting(e.Locks, &size), fitting(e.States, &size)
	e.Details = fitting(e.Details, &size)
	e.Omitted += len(e.Locks) - len(locks) + len(e.States) - len(states)
	e.Locks, e.States = locks, states
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("%s as JSON: %w", e.Type, err)
	}
	return body, nil
}

// fitting gives the first of the items that there is room for, and adds up their size.
func fitting[T any](items []T, size *int) []T {
	for i, item := range items {
		if *size += escapedSize(item); *size > maxJSON {
			return items[:i]
		}
	}
	return items
}

func escapedSize(item any) int {
	raw, err := json.Marshal(item)
	if err != nil {
		return maxJSON + 1
	}
	quoted, err := json.Marshal(string(raw))
	if err != nil {
		return maxJSON + 1
	}
	return len(quoted)
}

// attributes are what subscriptions filter by. A summary's path is a list, so that a
// filter on one path finds it too.
func attributes(e Event) map[string]types.MessageAttributeValue {
	text := func(s string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(s)}
	}
	all := map[string]types.MessageAttributeValue{"type": text(string(e.Type)), "severity": text(string(e.Severity))}
	switch {
	case len(e.paths) == 1 && e.paths[0] != "":
		all["path"] = text(oneLine(e.paths[0]))
	case len(e.paths) > 1:
		var fitting [][]byte
		size := 0
		for _, path := range e.paths {
			quoted := quote(oneLine(path))
			if size += len(quoted) + 1; size > maxAttributes {
				break
			}
			fitting = append(fitting, quoted)
		}
		list := append(append([]byte{'['}, bytes.Join(fitting, []byte{','})...), ']')
		all["path"] = types.MessageAttributeValue{DataType: aws.String("String.Array"), StringValue: aws.String(string(list))}
	}
	return all
}

// quote writes a JSON string without HTML's escapes, which would make six bytes of one.
func quote(text string) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil { // a string always encodes
		return []byte(`""`)
	}
	return bytes.TrimSpace(b.Bytes())
}
