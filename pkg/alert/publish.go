package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

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
// in it three times and escaped, so it gets a share of that; the attributes get
// theirs, and the prose what is left.
const (
	maxMessage    = 256 << 10
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
	room := maxMessage - maxAttributes - 3*escapedSize(json.RawMessage(body)) - escapedSize(json.RawMessage(chat)) - 2048
	return string(plainJSON(map[string]string{
		"default": string(body), "sqs": string(body), "lambda": string(body), "email": cut(mail, room), "https": string(chat),
	})), nil
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

// cut ends a text at a line's end where SNS has no more room for it, and says so.
func cut(text string, room int) string {
	const mark = "\n(Cut here: the message has no room for more.)\n"
	for size := len(plainJSON(text)); size > room; size = len(plainJSON(text)) {
		text = strings.TrimSuffix(text, mark)
		text = text[:len(text)*room/size*9/10]
		text = text[:strings.LastIndexByte(text, '\n')+1] + mark
	}
	return text
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
			quoted := plainJSON(oneLine(path))
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

// plainJSON writes strings without HTML's escapes, which would make six bytes of one.
func plainJSON(texts any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(texts); err != nil { // strings always encode
		return nil
	}
	return bytes.TrimSpace(b.Bytes())
}
