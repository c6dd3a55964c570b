package metric_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/metric"
)

var server *local.AWS

func TestMain(m *testing.M) { local.Main(m, &server) }

func TestAScanIsOneCallWithoutDimensions(t *testing.T) {
	wire := &local.Wire{}
	p := metric.NewPublisher(server.ConfigOver(wire), "Test")
	scan := metric.Scan{Held: 3, Stuck: 2, Unreadable: 1, Errors: 1, Oldest: time.Hour, Resolved: make([]time.Duration, 1000)}
	if err := p.Put(t.Context(), scan, time.Now()); err != nil {
		t.Fatal(err)
	}
	if wire.Calls() != 1 {
		t.Errorf("%d calls", wire.Calls())
	}
	client := cloudwatch.NewFromConfig(server.Config(), func(o *cloudwatch.Options) { o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801) })
	out, err := client.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{Namespace: aws.String("Test")})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range out.Metrics {
		names[aws.ToString(m.MetricName)] = true
		if len(m.Dimensions) != 0 {
			t.Errorf("%s has dimensions, and each is billed", aws.ToString(m.MetricName))
		}
	}
	for _, name := range []string{"LocksHeld", "StuckLocks", "UnreadableLocks", "ScanErrors", "OldestLockAge", "TimeToResolve"} {
		if !names[name] {
			t.Errorf("%s is missing in %v", name, names)
		}
	}
}
