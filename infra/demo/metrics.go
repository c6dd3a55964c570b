package main

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

func (s *scene) printMetrics(ctx context.Context) error {
	client := cloudwatch.NewFromConfig(s.aws.Config(), func(o *cloudwatch.Options) {
		o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801)
	})
	for _, name := range []string{"LocksHeld", "StuckLocks", "UnreadableLocks", "ScanErrors", "OldestLockAge"} {
		out, err := client.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
			Namespace: aws.String("Lockwarden"), MetricName: &name, Period: aws.Int32(86400),
			StartTime: aws.Time(time.Now().Add(-time.Hour)), EndTime: aws.Time(time.Now().Add(time.Hour)),
			Statistics: []types.Statistic{types.StatisticMaximum},
		})
		if err != nil {
			return err
		}
		for _, point := range out.Datapoints {
			fmt.Printf("%-16s %v %s\n", name, aws.ToFloat64(point.Maximum), point.Unit)
		}
	}
	return nil
}
