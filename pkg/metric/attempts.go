package metric

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
)

// Attempts reads how often tables refused a conditional write.
type Attempts struct {
	client  func(region string) *cloudwatch.Client
	account string
}

// NewAttempts reads the metrics of that account.
func NewAttempts(cfg aws.Config, account string) *Attempts {
	return &Attempts{account: account, client: func(region string) *cloudwatch.Client {
		return cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) {
			o.Region, o.Protocol = region, awsquery.New(schemas.GraniteServiceVersion20100801)
		})
	}}
}

const (
	// maxQueries is how many metrics CloudWatch takes in one call.
	maxQueries = 500
	// refusedPeriod, in seconds, gives a datum each hour: a week of 500 tables is within the 100,800 data
	// of one call.
	refusedPeriod = 3600
)

// Refused sums ConditionalCheckFailedRequests of tables, named by ARN, over a time. Clients
// retry, so it counts tries and not runs that wait. A table without a datum refused
// nothing. It fails where a table is another account's, whose metrics are not here.
func (a *Attempts) Refused(ctx context.Context, tables []string, from, to time.Time) (int64, error) {
	byRegion := map[string][]string{}
	for _, table := range tables {
		name, err := arn.Parse(table)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", table, err)
		}
		if name.AccountID != a.account {
			return 0, fmt.Errorf("%s is a table of another account, which keeps its metrics", table)
		}
		byRegion[name.Region] = append(byRegion[name.Region], strings.TrimPrefix(name.Resource, "table/"))
	}
	total := int64(0)
	for region, names := range byRegion {
		slices.Sort(names)
		for part := range slices.Chunk(names, maxQueries) {
			n, err := a.refused(ctx, region, part, from, to)
			if err != nil {
				return 0, fmt.Errorf("refused lock attempts in %s: %w", region, err)
			}
			total += n
		}
	}
	return total, nil
}

func (a *Attempts) refused(ctx context.Context, region string, tables []string, from, to time.Time) (int64, error) {
	queries := make([]types.MetricDataQuery, len(tables))
	for i, table := range tables {
		queries[i] = types.MetricDataQuery{Id: aws.String(fmt.Sprintf("t%d", i)), MetricStat: &types.MetricStat{
			Stat: aws.String("Sum"), Period: aws.Int32(refusedPeriod),
			Metric: &types.Metric{
				Namespace: aws.String("AWS/DynamoDB"), MetricName: aws.String("ConditionalCheckFailedRequests"),
				Dimensions: []types.Dimension{{Name: aws.String("TableName"), Value: aws.String(table)}},
			},
		}}
	}
	pages := cloudwatch.NewGetMetricDataPaginator(a.client(region), &cloudwatch.GetMetricDataInput{
		MetricDataQueries: queries, StartTime: aws.Time(from.Truncate(time.Minute)), EndTime: aws.Time(to.Truncate(time.Minute)),
	})
	sum := 0.0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		for _, result := range page.MetricDataResults {
			if status := cmp.Or(result.StatusCode, types.StatusCodeComplete); status != types.StatusCodeComplete && status != types.StatusCodePartialData {
				return 0, errors.New("CloudWatch gave no data: " + string(status))
			}
			for _, value := range result.Values {
				sum += value
			}
		}
	}
	return int64(sum + 0.5), nil
}
