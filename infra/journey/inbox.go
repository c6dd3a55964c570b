package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// Message is an event as it arrives in a queue.
type Message struct {
	Type    string
	Text    string
	Lock    struct{ ID, Path string }
	Actions struct {
		Unlock string `json:"unlock_command"`
	}
}

// Inbox is a queue that is subscribed to a topic, with what has arrived.
type Inbox struct {
	engine *Engine
	url    string
	got    []Message
}

// Subscribe makes a queue of that name and subscribes it to the topic. What was received is
// not given again, since it stays invisible for half a day.
func (e *Engine) Subscribe(ctx context.Context, name, topic string) (*Inbox, error) {
	url, err := e.AWS(ctx, "sqs", "create-queue", "--queue-name", name, "--attributes", "VisibilityTimeout=43200", "--query", "QueueUrl", "--output", "text")
	if err != nil {
		return nil, err
	}
	arn, err := e.AWS(ctx, "sqs", "get-queue-attributes", "--queue-url", url, "--attribute-names", "QueueArn", "--query", "Attributes.QueueArn", "--output", "text")
	if err != nil {
		return nil, err
	}
	_, err = e.AWS(ctx, "sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint", arn, "--attributes", "RawMessageDelivery=true")
	return &Inbox{engine: e, url: url}, err
}

// Wait returns the first message of that type about a state with that key, also one that
// arrived before.
func (i *Inbox) Wait(ctx context.Context, kind, key string, within time.Duration) (Message, error) {
	for deadline := time.Now().Add(within); ; {
		for _, m := range i.got {
			if m.Type == kind && strings.HasSuffix(m.Lock.Path, "/"+key) {
				return m, nil
			}
		}
		if time.Now().After(deadline) {
			return Message{}, fmt.Errorf("no %s about %s arrived within %s, but: %+v", kind, key, within, i.got)
		}
		if err := i.receive(ctx); err != nil {
			return Message{}, err
		}
	}
}

// receive waits some seconds for messages. Alarms arrive here too, and are not events. Whatever
// asks again and again does so by the SDK: each start of the AWS CLI is a second of a core.
func (i *Inbox) receive(ctx context.Context) error {
	out, err := sqs.NewFromConfig(i.engine.Server.AWS().Config()).ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &i.url, WaitTimeSeconds: 5, MaxNumberOfMessages: 10})
	if err != nil {
		return err
	}
	for _, raw := range out.Messages {
		var m Message
		if err := json.Unmarshal([]byte(aws.ToString(raw.Body)), &m); err != nil {
			return fmt.Errorf("a message is not JSON: %w\n%s", err, aws.ToString(raw.Body))
		}
		i.got = append(i.got, m)
	}
	return nil
}
