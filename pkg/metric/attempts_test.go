package metric_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/lockwarden/lockwarden/pkg/metric"
)

const account = "123456789012"

// question is one GetMetricData, as CloudWatch gets it.
type question struct {
	region   string
	tables   []string
	from, to string
	stats    map[string]bool // statistic, period and metric of each table
	token    string
}

// cloudWatch answers questions: the name of a table in it ends in how much it refused.
type cloudWatch struct {
	mu     sync.Mutex
	asked  []question
	page   int    // tables in one answer; 0: all
	status string // of each result; empty: Complete
}

func (c *cloudWatch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.Form.Get("Action") != "GetMetricData" {
		http.Error(w, "not GetMetricData", http.StatusBadRequest)
		return
	}
	q := question{from: r.Form.Get("StartTime"), to: r.Form.Get("EndTime"), stats: map[string]bool{}, token: r.Form.Get("NextToken")}
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	q.region = strings.Split(scope, "/")[2]
	ids := map[string]string{} // by table
	for n := 1; ; n++ {
		at := fmt.Sprintf("MetricDataQueries.member.%d.", n)
		id := r.Form.Get(at + "Id")
		if id == "" {
			break
		}
		stat := at + "MetricStat."
		table := r.Form.Get(stat + "Metric.Dimensions.member.1.Value")
		q.tables, ids[table] = append(q.tables, table), id
		q.stats[strings.Join([]string{
			r.Form.Get(stat + "Stat"), r.Form.Get(stat + "Period"), r.Form.Get(stat + "Metric.Namespace"), r.Form.Get(stat + "Metric.MetricName"), r.Form.Get(stat + "Metric.Dimensions.member.1.Name"),
		}, " ")] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, q)
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprint(w, c.answer(q, ids))
}

func (c *cloudWatch) answer(q question, ids map[string]string) string {
	start, _ := strconv.Atoi(q.token)
	end, next := len(q.tables), ""
	if c.page > 0 && start+c.page < end {
		end = start + c.page
		next = "<NextToken>" + strconv.Itoa(end) + "</NextToken>"
	}
	var b strings.Builder
	for _, table := range q.tables[start:end] {
		fmt.Fprintf(&b, "<member><Id>%s</Id>", ids[table])
		if c.status != "none" {
			status := c.status
			if status == "" {
				status = "Complete"
			}
			fmt.Fprintf(&b, "<StatusCode>%s</StatusCode>", status)
		}
		if refused := table[strings.LastIndex(table, "-")+1:]; refused != "0" { // CloudWatch has no datum of what did not happen
			_, _ = b.WriteString("<Values><member>1</member><member>")
			_ = xml.EscapeText(&b, []byte(refused))
			_, _ = b.WriteString("</member></Values>")
		}
		_, _ = b.WriteString("</member>")
	}
	return `<GetMetricDataResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><GetMetricDataResult><MetricDataResults>` + b.String() +
		"</MetricDataResults>" + next + "</GetMetricDataResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetMetricDataResponse>"
}

func (c *cloudWatch) attempts(t *testing.T) *metric.Attempts {
	t.Helper()
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return metric.NewAttempts(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &s.URL, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}, account)
}

func arnOf(region, name string) string {
	return "arn:aws:dynamodb:" + region + ":" + account + ":table/" + name
}

var (
	monday = time.Date(2026, 11, 16, 8, 0, 29, 0, time.UTC)
	later  = monday.AddDate(0, 0, 7)
)

func TestRefusedAttemptsAreSummed(t *testing.T) {
	t.Parallel()
	many := make([]string, 501) // one more than CloudWatch takes at once
	for i := range many {
		many[i] = arnOf("eu-central-1", fmt.Sprintf("locks-%d-1", i))
	}
	for name, tc := range map[string]struct {
		tables []string
		answer *cloudWatch
		want   int64
		calls  int
	}{
		"of a table": {[]string{arnOf("eu-central-1", "locks-40")}, &cloudWatch{}, 41, 1},
		"a table without a datum refused nothing":      {[]string{arnOf("eu-central-1", "locks-0")}, &cloudWatch{}, 0, 1},
		"no table, no call":                            {nil, &cloudWatch{}, 0, 0},
		"of tables in two regions, each asked for its": {[]string{arnOf("eu-central-1", "a-1"), arnOf("us-east-1", "b-9"), arnOf("eu-central-1", "c-4")}, &cloudWatch{}, 17, 2},
		"of each page":                                 {[]string{arnOf("eu-central-1", "a-1"), arnOf("eu-central-1", "b-9"), arnOf("eu-central-1", "c-4")}, &cloudWatch{page: 2}, 17, 2},
		"of more tables than one call takes":           {many, &cloudWatch{}, 1002, 2},
		"a page that goes on elsewhere is partial":     {[]string{arnOf("eu-central-1", "a-1")}, &cloudWatch{status: "PartialData"}, 2, 1},
		"an emulator that says no status":              {[]string{arnOf("eu-central-1", "a-1")}, &cloudWatch{status: "none"}, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tc.answer
			n, err := c.attempts(t).Refused(t.Context(), tc.tables, monday, later)
			if err != nil || n != tc.want || len(c.asked) != tc.calls {
				t.Fatalf("%d in %d calls, %v", n, len(c.asked), err)
			}
			for _, q := range c.asked {
				if q.from != "2026-11-16T08:00:00Z" || q.to != "2026-11-23T08:00:00Z" {
					t.Errorf("from %s to %s", q.from, q.to)
				}
				if len(q.stats) != 1 || !q.stats["Sum 3600 AWS/DynamoDB ConditionalCheckFailedRequests TableName"] {
					t.Errorf("asked for %v", q.stats)
				}
				if slices.Contains(q.tables, "b-9") && q.region == "eu-central-1" && name == "of tables in two regions, each asked for its" {
					t.Errorf("asked for %v in %s", q.tables, q.region)
				}
			}
		})
	}
}

// What is not known is an error, and never a zero.
func TestRefusedAttemptsThatAreNotKnown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		table  string
		status string
		calls  int
		says   string
	}{
		"of a table of another account":        {"arn:aws:dynamodb:eu-central-1:210987654321:table/locks", "", 0, "another account"},
		"of what is not an ARN":                {"locks", "", 0, "locks"},
		"where CloudWatch failed":              {arnOf("eu-central-1", "locks-4"), "InternalError", 1, "InternalError"},
		"where CloudWatch refuses this metric": {arnOf("eu-central-1", "locks-4"), "Forbidden", 1, "Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloudWatch{status: tc.status}
			n, err := c.attempts(t).Refused(t.Context(), []string{arnOf("eu-central-1", "good-1"), tc.table}, monday, later)
			if err == nil || n != 0 || len(c.asked) != tc.calls || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%d in %d calls, %v", n, len(c.asked), err)
			}
		})
	}
}
