package stack

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/deploycheck"
)

// List prices in us-east-1, in dollars.
const (
	perMetric        = 0.30          // custom metric and month, the first 10,000
	perAlarmMetric   = 0.10          // each metric of a standard alarm, a month
	perPut           = 0.01 / 1000   // PutMetricData
	perDashboard     = 3.00          // after the account's first three, a month
	perWrite         = 0.625 / 1e6   // DynamoDB on demand, one kilobyte
	perRead          = 0.125 / 1e6   // DynamoDB on demand, four kilobytes
	perList          = 0.005 / 1000  // S3 LIST, a thousand keys
	perInvocation    = 0.20 / 1e6    // Lambda
	perGigabyteSpent = 0.0000133334  // Lambda on arm64, a second of a gigabyte
	perScheduled     = 1.00 / 1e6    // EventBridge Scheduler, after 14 million free ones
	perLogged        = 0.50          // CloudWatch Logs, a gigabyte
	perQueueRequest  = 0.40 / 1e6    // SQS
	perGet           = 0.0004 / 1000 // S3 GET, of an object or of its tags
	perDecrypt       = 0.03 / 10000  // KMS; SSM takes nothing for a standard parameter
	perGigabyteOut   = 0.09          // to the internet
	month            = 30 * 24 * time.Hour
)

// What one quiet scan of the stack's own backend does. The calls are what the tests of
// pkg/monitor count; duration and log are what it took here, rounded up.
const (
	scanWrites  = 2 // of the ledger: the lease is taken, and given back with what was seen
	scanReads   = 2 // what was notified, and the lock table, consistently: each of a few kilobytes
	scanLists   = 1 // a thousand objects
	scanSeconds = 1.0
	scanLogged  = 2e-6 // gigabytes
)

// polls is how often Lambda asks an empty queue a month: five pollers, three times a minute.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
const polls = 5 * 3 * float64(month/time.Minute)

// What one lock costs whose events the witness records: its creation and its removal, each in
// an invocation of its own. The calls are those of pkg/witness; duration and log are what it
// took here, rounded up.
const (
	lockEvents    = 2
	eventRequests = 3 // of the queue: S3 sends, Lambda receives and deletes
	eventSeconds  = 0.1
	eventLogged   = 1e-6 // gigabytes
	lockGets      = 1    // of the created version
	lockWrites    = 3    // of the ledger: two events, and the record of the lock
)

// What it adds to a scan to ask one CI system about some locks: the settings and what is
// remembered are read, and one token is decrypted; of each lock the tags are read, one
// question is asked, and the answer is recorded.
const (
	askedReads    = 1 // of the ledger, consistently
	askedSeconds  = 0.3
	questionGets  = 1
	questionWrite = 1
	questionBytes = 2e-6 // gigabytes that leave AWS
	askedLocks    = 3
)

// Item is one line of the bill.
type Item struct {
	Name    string
	Dollars float64 // a month
}

// Cost is what the stack costs a month with its defaults, by the template's own
// numbers: its alarms, metrics, dashboards, and scans.
func Cost(t deploycheck.Template) ([]Item, error) {
	scans, err := perMonth(t, "ScanEvery")
	if err != nil {
		return nil, err
	}
	memory, ok := t.Resources["MonitorFunction"].Properties["MemorySize"].(float64)
	if !ok {
		return nil, fmt.Errorf("MonitorFunction has no MemorySize")
	}
	metrics, watched := len(Metrics(t)), alarmMetrics(t)
	items := []Item{
		{fmt.Sprintf("%d metrics", metrics), float64(metrics) * perMetric},
		{fmt.Sprintf("%d alarms, on %d metrics", len(t.Of("AWS::CloudWatch::Alarm")), watched), float64(watched) * perAlarmMetric},
		{fmt.Sprintf("%.0f scans: putting metrics", scans), scans * perPut},
		{"their reads and writes of tables", scans * (scanWrites*perWrite + scanReads*perRead)},
		{"their listing of each thousand objects in a bucket", scans * scanLists * perList},
		{"Lambda, schedule and logs for them", scans * (perInvocation + perScheduled + scanSeconds*memory/1024*perGigabyteSpent + scanLogged*perLogged)},
	}
	inventories, err := inventoryCost(t)
	if err != nil {
		return nil, err
	}
	items = append(items, inventories)
	if queues := len(t.Of("AWS::Lambda::EventSourceMapping")); queues > 0 {
		items = append(items, Item{"Lambda's polling of the queue of lock events", float64(queues) * polls * perQueueRequest})
	}
	total := 0.0
	for _, item := range items {
		total += item.Dollars
	}
	dashboards := float64(len(t.Of("AWS::CloudWatch::Dashboard"))) * perDashboard
	items = append(items, Item{"**together**", total}, Item{"the dashboard, if the account has more than three", dashboards})
	if witness, ok := t.Resources["WitnessFunction"].Properties["MemorySize"].(float64); ok {
		items = append(items, Item{"for 1,000 locks: their events, by queue, witness and ledger", 1000 * witnessed(witness)})
	}
	asked := scans * (askedReads*perRead + perDecrypt + askedSeconds*memory/1024*perGigabyteSpent +
		askedLocks*(questionGets*perGet+questionWrite*perWrite+questionBytes*perGigabyteOut))
	return append(items, Item{fmt.Sprintf("to ask GitHub or GitLab about %d locks in every scan: token, tags, HTTP and ledger", askedLocks), asked}), nil
}

// witnessed is what one lock costs whose events a function with so many MB records.
func witnessed(memory float64) float64 {
	return lockEvents*(eventRequests*perQueueRequest+perInvocation+eventSeconds*memory/1024*perGigabyteSpent+eventLogged*perLogged) +
		lockGets*perGet + lockWrites*perWrite
}

// perMonth is how often a schedule comes a month. Its default is a period such as
// "5 minutes", or a rate of one.
func perMonth(t deploycheck.Template, parameter string) (float64, error) {
	every, _ := t.Parameters[parameter].Default.(string)
	number, unit, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(every, "rate("), ")"), " ")
	n, err := strconv.Atoi(number)
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	if length := units[strings.TrimSuffix(unit, "s")]; err == nil && length > 0 {
		return math.Floor(float64(month) / float64(time.Duration(n)*length)), nil
	}
	return 0, fmt.Errorf("%s has the default %q, which is not a period", parameter, every)
}

// Metrics are the stack's own ones that its dashboard shows, in order.
func Metrics(t deploycheck.Template) []string {
	var names []string
	body := fmt.Sprint(t.Resources["Dashboard"].Properties["DashboardBody"])
	for _, part := range strings.Split(body, `["${Namespace}","`)[1:] {
		widget, _, _ := strings.Cut(part, "]]")
		name, rest, _ := strings.Cut(widget, `"`)
		names = append(names, name)
		for _, more := range strings.Split(rest, `[".","`)[1:] {
			name, _, _ := strings.Cut(more, `"`)
			names = append(names, name)
		}
	}
	return names
}

// alarmMetrics counts what is billed of alarms: each metric that one looks at.
func alarmMetrics(t deploycheck.Template) int {
	n := 0
	for _, name := range t.Of("AWS::CloudWatch::Alarm") {
		several, ok := t.Resources[name].Properties["Metrics"].([]any)
		if !ok {
			n++
			continue
		}
		for _, one := range several {
			if m, _ := one.(map[string]any); m["MetricStat"] != nil {
				n++
			}
		}
	}
	return n
}
