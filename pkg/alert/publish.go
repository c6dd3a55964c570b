package alert

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// Topic publishes events to an SNS topic.
type Topic struct {
	client *sns.Client
	arn    string
}

// NewTopic publishes to the topic of that ARN.
func NewTopic(client *sns.Client, arn string) *Topic { return &Topic{client, arn} }

// Publish sends one event: JSON for machines, prose for mail, Amazon Q's schema for
// chat. It reports the error of SNS as it is; whoever calls keeps the event then.
func (t *Topic) Publish(ctx context.Context, e Event) error {
	r, err := Render(e)
	if err != nil {
		return err
	}
	message, err := encode(r.Texts)
	if err != nil {
		return fmt.Errorf("%s for SNS: %w", e.Type, err)
	}
	_, err = t.client.Publish(ctx, &sns.PublishInput{
		TopicArn: &t.arn, Subject: &r.Subject, Message: &message,
		MessageStructure: aws.String("json"), MessageAttributes: r.Attributes,
	})
	if err != nil {
		return fmt.Errorf("publish %s to %s: %w", e.Type, t.arn, err)
	}
	return nil
}

// Rendered is an event as SNS sends it to each kind of subscription, within SNS's limits.
type Rendered struct {
	Subject    string
	Texts      map[string]string // by protocol, as MessageStructure=json has them
	Attributes map[string]types.MessageAttributeValue
}

// Render returns an event for mail, Amazon Q and machines; the Slack function renders the JSON
// for Slack. All are rendered from the event that machines get: cut to what fits. It fails only where encoding/json cannot write a time (a year
// past 9999).
func Render(e Event) (Rendered, error) {
	fitting := Fit(e)
	body, err := encode(fitting)
	if err != nil {
		return Rendered{}, fmt.Errorf("%s as JSON: %w", e.Type, err)
	}
	amazonQ, err := encode(AmazonQ(fitting))
	if err != nil {
		return Rendered{}, fmt.Errorf("%s for chat: %w", e.Type, err)
	}
	room := maxMessage - maxAttributes - 3*quotedSize(body) - quotedSize(amazonQ) - 2048
	return Rendered{
		Subject:    e.Subject,
		Texts:      map[string]string{"default": body, "sqs": body, "lambda": body, "email": cut(Mail(fitting), room), "https": amazonQ},
		Attributes: attributes(e),
	}, nil
}

// attributes are what subscriptions filter by. A shared message's path is a list, so that a
// filter on one path finds it too; it has the paths also of locks that the message has no
// room for.
func attributes(e Event) map[string]types.MessageAttributeValue {
	text := func(s string) types.MessageAttributeValue {
		return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(s)}
	}
	all := map[string]types.MessageAttributeValue{"type": text(string(e.Type)), "severity": text(string(e.Severity))}
	switch paths := e.paths(); {
	case len(paths) == 1 && paths[0] != "":
		all["path"] = text(oneLine(paths[0]))
	case len(paths) > 1:
		list := pathList(paths)
		all["path"] = types.MessageAttributeValue{DataType: aws.String("String.Array"), StringValue: &list}
	}
	return all
}
