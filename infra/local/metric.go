package local

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
)

// Metric reads the largest value of a metric of today, and its unit. It is false where
// there is none.
func (a *AWS) Metric(ctx context.Context, namespace, name string) (value float64, unit string, found bool, err error) {
	client := cloudwatch.NewFromConfig(a.Config(), func(o *cloudwatch.Options) { o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801) })
	out, err := client.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
		Namespace: &namespace, MetricName: &name, Period: aws.Int32(86400),
		StartTime: aws.Time(time.Now().Add(-12 * time.Hour)), EndTime: aws.Time(time.Now().Add(time.Hour)),
		Statistics: []types.Statistic{types.StatisticMaximum},
	})
	if err != nil || len(out.Datapoints) == 0 {
		return 0, "", false, err
	}
	return aws.ToFloat64(out.Datapoints[0].Maximum), string(out.Datapoints[0].Unit), true, nil
}
