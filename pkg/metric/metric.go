package metric

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
)

// Scan is what one scan measures.
type Scan struct {
	Held       int             // LocksHeld
	Stuck      int             // StuckLocks
	Unreadable int             // UnreadableLocks
	Errors     int             // ScanErrors: stores that could not be read
	Oldest     time.Duration   // OldestLockAge
	Resolved   []time.Duration // TimeToResolve of each lock that was resolved
	// Partial says that a store could not be read, and that what it held is not known
	// either. A zero then means nothing, and is not sent where an alarm would take it
	// for an all-clear.
	Partial bool
}

// Publisher sends metrics to one namespace.
type Publisher struct {
	client    *cloudwatch.Client
	namespace string
}

// NewPublisher sends to the namespace. It speaks CloudWatch's query protocol, which
// AWS and every emulator serve, where the SDK's default is known to AWS alone.
func NewPublisher(cfg aws.Config, namespace string) *Publisher {
	client := cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) {
		o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801)
	})
	return &Publisher{client, namespace}
}

// maxValues is how many values CloudWatch takes in one datum.
const maxValues = 150

// Put sends the metrics of a scan in one PutMetricData, at the time of the scan.
func (p *Publisher) Put(ctx context.Context, s Scan, at time.Time) error {
	data := []types.MetricDatum{
		count("LocksHeld", s.Held, at), count("UnreadableLocks", s.Unreadable, at), count("ScanErrors", s.Errors, at),
	}
	if s.Stuck > 0 || !s.Partial {
		data = append(data, count("StuckLocks", s.Stuck, at))
	}
	if s.Oldest > 0 || !s.Partial {
		data = append(data, seconds("OldestLockAge", s.Oldest, at))
	}
	if len(s.Resolved) > 0 {
		var values []float64
		for _, d := range s.Resolved[:min(len(s.Resolved), maxValues)] {
			values = append(values, d.Seconds())
		}
		data = append(data, types.MetricDatum{MetricName: aws.String("TimeToResolve"), Values: values, Unit: types.StandardUnitSeconds, Timestamp: &at})
	}
	return p.put(ctx, data)
}

// CountReleased sends LocksReleased.
func (p *Publisher) CountReleased(ctx context.Context, n int, at time.Time) error {
	return p.put(ctx, []types.MetricDatum{count("LocksReleased", n, at)})
}

// CountPruned sends StatesPruned and StatesAbandoned, in one call. Both count states.
func (p *Publisher) CountPruned(ctx context.Context, pruned, abandoned int, at time.Time) error {
	return p.put(ctx, []types.MetricDatum{count("StatesPruned", pruned, at), count("StatesAbandoned", abandoned, at)})
}

// CountFindings sends StateFindings: what is wrong with states now, and what happened to
// them since the last inventory.
func (p *Publisher) CountFindings(ctx context.Context, n int, at time.Time) error {
	return p.put(ctx, []types.MetricDatum{count("StateFindings", n, at)})
}

func count(name string, n int, at time.Time) types.MetricDatum {
	return types.MetricDatum{MetricName: &name, Value: aws.Float64(float64(n)), Unit: types.StandardUnitCount, Timestamp: &at}
}

func seconds(name string, d time.Duration, at time.Time) types.MetricDatum {
	return types.MetricDatum{MetricName: &name, Value: aws.Float64(d.Seconds()), Unit: types.StandardUnitSeconds, Timestamp: &at}
}

func (p *Publisher) put(ctx context.Context, data []types.MetricDatum) error {
	_, err := p.client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: &p.namespace, MetricData: data})
	if err != nil {
		return fmt.Errorf("put metrics into %s: %w", p.namespace, err)
	}
	return nil
}
