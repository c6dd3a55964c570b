package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// stage is what one scene has to itself: a place, a queue that gets the messages of its topic, and
// the environment of functions that watch it.
type stage struct {
	local.Place
	aws   *local.AWS
	dir   string // an empty folder
	set   backend.Set
	env   map[string]string
	queue string // URL
	rows  int    // how many a crowded table has
	// within is what an invocation may take.
	within time.Duration
}

var stages atomic.Int64

func newStage(ctx context.Context, a *local.AWS, dir string, rows int) (*stage, error) {
	s := &stage{aws: a, rows: rows, within: local.Timeout}
	var err error
	if s.dir, err = os.MkdirTemp(dir, "scene-"); err != nil {
		return nil, err
	}
	if s.Place, err = a.MakePlace(ctx, fmt.Sprintf("scene-%d-%d", time.Now().UnixNano(), stages.Add(1))); err != nil {
		return nil, err
	}
	if s.set, err = backend.Open(a.Config(), []string{s.TableARN}, []string{s.BucketARN}); err != nil {
		return nil, err
	}
	if err := s.listen(ctx); err != nil {
		return nil, err
	}
	s.env = a.Env()
	delete(s.env, "TRUST_STORES") // they are probed, as stores outside of AWS are
	maps.Copy(s.env, map[string]string{
		"ACCOUNT_ID": "123456789012", "TABLE_ARNS": s.TableARN, "BUCKET_ARNS": s.BucketARN, "LEDGER_TABLE": s.Ledger, "TOPIC_ARN": s.Topic,
		"METRIC_NAMESPACE": s.Bucket, "STUCK_AFTER": "1ms", "RELEASE_GUARD": "1ms", "PRUNE_PATHS": "branches/**", "PRUNE_AFTER_DAYS": "0",
		"AWS_LAMBDA_FUNCTION_NAME": "scene", "UNLOCK_FUNCTION": "scene-unlock",
	})
	return s, nil
}

// listen makes a queue that gets the messages of the topic as they are.
func (s *stage) listen(ctx context.Context) error {
	queues := sqs.NewFromConfig(s.aws.Config())
	made, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &s.Bucket, Attributes: map[string]string{"VisibilityTimeout": "43200"}})
	if err != nil {
		return err
	}
	s.queue = aws.ToString(made.QueueUrl)
	attributes, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &s.queue, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	if err != nil {
		return err
	}
	_, err = sns.NewFromConfig(s.aws.Config()).Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: &s.Topic, Protocol: aws.String("sqs"), Endpoint: aws.String(attributes.Attributes["QueueArn"]), Attributes: map[string]string{"RawMessageDelivery": "true"},
	})
	return err
}

// arrival is how long a message may take from the topic to the queue: MiniStack delivers it
// after the answer to the publisher.
const arrival = time.Minute

// events are those that arrived since the last call. It waits for one of each wanted type, and
// then until nothing more comes.
func (s *stage) events(ctx context.Context, want ...alert.Type) ([]alert.Event, error) {
	queues := sqs.NewFromConfig(s.aws.Config())
	var all []alert.Event
	seen := map[string]bool{} // a standard topic may deliver a message twice
	for deadline := time.Now().Add(arrival); ; {
		out, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &s.queue, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
		if err != nil {
			return all, err
		}
		for _, m := range out.Messages {
			body := aws.ToString(m.Body)
			if seen[body] {
				continue
			}
			seen[body] = true
			var e alert.Event
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				return all, fmt.Errorf("a message that is not an event: %w", err)
			}
			all = append(all, e)
		}
		if len(out.Messages) == 0 && (hasAll(all, want) || time.Now().After(deadline)) {
			return all, nil
		}
	}
}

func hasAll(events []alert.Event, want []alert.Type) bool {
	for _, kind := range want {
		if !slices.ContainsFunc(events, func(e alert.Event) bool { return e.Type == kind }) {
			return false
		}
	}
	return true
}

// heard returns the only event of a type, and fails when there are none or more.
func heard(events []alert.Event, of alert.Type) (alert.Event, error) {
	var found []alert.Event
	var types []string
	for _, e := range events {
		types = append(types, string(e.Type))
		if e.Type == of {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		return alert.Event{}, fmt.Errorf("%d events %s, and not one, among %q", len(found), of, types)
	}
	return found[0], nil
}

// invoke runs a built function once as Lambda does, with more in its environment. The error
// carries what it said.
func (s *stage) invoke(ctx context.Context, function, payload string, answer any, more map[string]string) error {
	binary, err := local.Build(ctx, function)
	if err != nil {
		return err
	}
	env := maps.Clone(s.env)
	maps.Copy(env, more)
	result, err := local.InvokeWithin(ctx, s.within, binary, env, payload)
	if err != nil {
		return err
	}
	if result.Failed {
		return fmt.Errorf("%s failed: %s", function, result.Payload)
	}
	return json.Unmarshal([]byte(result.Payload), answer)
}

// scan runs the monitor, which must read everything.
func (s *stage) scan(ctx context.Context) (monitor.Report, error) {
	var report monitor.Report
	err := s.invoke(ctx, "monitor", "{}", &report, nil)
	if err == nil && !report.Complete {
		err = fmt.Errorf("the scan is not complete: %q", report.Errors)
	}
	return report, err
}

// release runs unlock, and fails if the outcome is another.
func (s *stage) release(ctx context.Context, request unlock.Request, want unlock.Outcome, more map[string]string) (unlock.Answer, error) {
	request.Reason, request.RequestedBy = "its laptop died", "scene"
	payload, err := json.Marshal(request)
	if err != nil {
		return unlock.Answer{}, err
	}
	var answer unlock.Answer
	if err := s.invoke(ctx, "unlock", string(payload), &answer, more); err != nil {
		return answer, err
	}
	if answer.Outcome != want {
		return answer, fmt.Errorf("unlock answers %s, and not %s: %s %s", answer.Outcome, want, answer.Message, strings.Join(answer.NextSteps, " "))
	}
	return answer, nil
}

// take takes the lock of a state in the table and in the bucket, as a client does with both.
func (s *stage) take(ctx context.Context, key, id string) error {
	return local.TakeLock(ctx, s.Path(key), id, s.set.Buckets[0], s.set.Tables[0])
}

// holds says what is wrong if a store has not this lock on a state.
func (s *stage) holds(ctx context.Context, in backend.Store, key, id string) error {
	switch h, found, err := in.Find(ctx, s.Path(key)); {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("lock %s of %s is gone", id, key)
	case h.Info.ID != id:
		return fmt.Errorf("%s is held by %s, and not by %s", key, h.Info.ID, id)
	}
	return nil
}

// free says what is wrong if there is any lock.
func (s *stage) free(ctx context.Context) error {
	for _, store := range s.set.All() {
		for h, err := range store.Holdings(ctx) {
			if err != nil {
				return err
			}
			return fmt.Errorf("%s of %s is still locked by %q", h.Path, store.ARN(), h.Info.Who)
		}
	}
	return nil
}

// put writes an object without asking.
func (s *stage) put(ctx context.Context, key, content string) error {
	_, err := s.aws.S3().PutObject(ctx, &s3.PutObjectInput{Bucket: &s.Bucket, Key: &key, Body: strings.NewReader(content)})
	return err
}

// keys are those of the bucket's objects.
func (s *stage) keys(ctx context.Context) ([]string, error) {
	var all []string
	for o, err := range s.set.Buckets[0].Objects(ctx, "", "") {
		if err != nil {
			return nil, err
		}
		all = append(all, o.Key)
	}
	return slices.Clip(all), nil
}

var errHolds = errors.New("the lock does not hold: a plan succeeded")
