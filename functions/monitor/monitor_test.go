package main_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// site is a deployed stack on a local AWS of its own.
type site struct {
	*testing.T
	aws   *local.AWS
	stack *local.Stack
	heard int // messages that were looked at
}

func newSite(t *testing.T, parameters map[string]string) *site {
	t.Helper()
	stack := local.ForTest(t, parameters)
	return &site{T: t, aws: stack.AWS(), stack: stack}
}

// scan invokes the built function as Lambda does.
func (s *site) scan() (monitor.Report, local.Result) {
	s.Helper()
	result, err := s.stack.Invoke(s.Context(), "monitor", "MonitorFunction", `{}`)
	if err != nil {
		s.Fatal(err)
	}
	var report monitor.Report
	if !result.Failed {
		if err := json.Unmarshal([]byte(result.Payload), &report); err != nil {
			s.Fatal(err)
		}
	}
	return report, result
}

// news are the messages since the last call.
func (s *site) news() []local.Message {
	s.Helper()
	all, err := s.aws.Published(s.stack.Outputs["AlertTopicArn"])
	if err != nil {
		s.Fatal(err)
	}
	fresh := all[s.heard:]
	s.heard = len(all)
	return fresh
}

func (s *site) events(of alert.Type) []alert.Event {
	s.Helper()
	var events []alert.Event
	for _, m := range s.news() {
		var e alert.Event
		if err := json.Unmarshal([]byte(m.Texts["sqs"]), &e); err != nil {
			s.Fatal(err)
		}
		if e.Type != of || m.Attributes["type"] != string(of) {
			s.Errorf("unexpected %s: %s", e.Type, e.Text)
		}
		events = append(events, e)
	}
	return events
}

func (s *site) metric(name string) float64 {
	s.Helper()
	value, _, found, err := s.aws.Metric(s.Context(), s.stack.Functions["MonitorFunction"]["METRIC_NAMESPACE"], name)
	if err != nil || !found {
		s.Fatalf("metric %s: %v, %v", name, found, err)
	}
	return value
}

func TestRealClientsLeaveStuckLocks(t *testing.T) {
	s := newSite(t, map[string]string{"StuckAfter": "1ms"})
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	bucket := s.stack.Outputs["StateBucketName"]
	type left struct {
		workspace *local.Workspace
		mode      local.Mode
	}
	locks := map[string]left{} // by path
	for _, client := range clients {
		for _, mode := range local.Modes {
			key := fmt.Sprintf("%s/%s/terraform.tfstate", client.Name, mode)
			w, err := s.stack.Leave(t.Context(), client, t.TempDir(), key, mode)
			if err != nil {
				t.Fatal(err)
			}
			locks[bucket+"/"+key] = left{w, mode}
		}
	}

	report, _ := s.scan()
	if report.Stuck != len(locks) || report.Held != len(locks) || !report.Complete {
		t.Fatalf("got %+v", report)
	}
	notified := s.events(alert.LockStuck)
	if len(notified) != len(locks) {
		t.Fatalf("%d alerts for %d locks", len(notified), len(locks))
	}
	wantKinds := map[local.Mode][]tflock.Kind{
		local.ByTable: {tflock.DynamoDB}, local.ByFile: {tflock.S3}, local.ByBoth: {tflock.DynamoDB, tflock.S3},
	}
	ids := map[string]string{}
	for _, e := range notified {
		l, ok := locks[e.Lock.Path]
		if !ok || ids[e.Lock.Path] != "" {
			t.Fatalf("a lock that nobody left, or one notified twice: %s", e.Lock.Path)
		}
		ids[e.Lock.Path] = e.Lock.ID
		if !slices.Equal(e.Lock.Holdings, wantKinds[l.mode]) || e.Lock.Operation != "OperationTypeApply" || !strings.Contains(e.Lock.Who, "@") ||
			e.Lock.Held() > 5*time.Minute || e.Lock.Verdict != policy.Stuck {
			t.Errorf("%s lock: %+v", l.mode, e.Lock)
		}
	}
	if held, stuck := s.metric("LocksHeld"), s.metric("StuckLocks"); int(held) != len(locks) || int(stuck) != len(locks) {
		t.Errorf("metrics: %v held, %v stuck", held, stuck)
	}

	if report, _ := s.scan(); report.Stuck != len(locks) || report.Locks[0].Evidence.Liveness != policy.LikelyOrphan {
		t.Errorf("the second scan found %+v", report.Locks[0])
	}
	if again := s.news(); len(again) != 0 {
		t.Errorf("a second scan notified %d messages", len(again))
	}

	for path, l := range locks {
		if _, err := l.workspace.Run(t.Context(), "force-unlock", ids[path]); err != nil {
			t.Errorf("force-unlock of the lock that the alert named: %v", err)
		}
	}
	if report, _ := s.scan(); report.Held != 0 || len(report.Locks) != 0 {
		t.Errorf("after force-unlock there are %+v", report.Locks)
	}
	for _, e := range s.events(alert.LockResolved) {
		if ids[e.Lock.Path] != e.Lock.ID {
			t.Errorf("resolved %s, which was not notified as that", e.Lock.ID)
		}
		delete(ids, e.Lock.Path)
	}
	if len(ids) != 0 {
		t.Errorf("not resolved: %v", ids)
	}
	if s.metric("TimeToResolve") <= 0 {
		t.Error("no time to resolve")
	}
}

func TestAFailingBackendIsNoAllClear(t *testing.T) {
	s := newSite(t, map[string]string{"StuckAfter": "1ms", "WatchTableArns": "arn:aws:dynamodb:eu-west-1:123456789012:table/missing"})
	path := s.stack.Outputs["StateBucketName"] + "/k"
	s.putLock(path, "x")

	_, result := s.scan()
	if !result.Failed || !strings.Contains(result.Payload, "table/missing") || !strings.Contains(result.Payload, "does not exist") {
		t.Errorf("the error must name the backend and the cause: %s", result.Payload)
	}
	if !strings.Contains(result.Log, `"scan failed"`) || !strings.Contains(result.Log, path) {
		t.Errorf("the answer must be in the log: %s", result.Log)
	}
	var types []string
	for _, m := range s.news() {
		types = append(types, m.Attributes["type"])
	}
	if want := []string{"scan.failed", "lock.stuck"}; !slices.Equal(types, want) {
		t.Errorf("notified %v, want %v", types, want)
	}
	if s.metric("ScanErrors") != 1 || s.metric("StuckLocks") != 1 {
		t.Error("the metrics of what was read must be sent all the same")
	}
	s.scan()
	if again := s.news(); len(again) != 0 {
		t.Errorf("a second scan notified %d messages", len(again))
	}
	elsewhere := s.aws.Config()
	elsewhere.Region = "eu-west-1"
	if _, err := dynamodb.NewFromConfig(elsewhere).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("missing"), BillingMode: ddb.BillingModePayPerRequest,
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("LockID"), AttributeType: ddb.ScalarAttributeTypeS}},
		KeySchema:            []ddb.KeySchemaElement{{AttributeName: aws.String("LockID"), KeyType: ddb.KeyTypeHash}},
	}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // one good scan alone may be chance
		if again := s.news(); len(again) != 0 {
			t.Errorf("%d messages before the second good scan", len(again))
		}
		if report, _ := s.scan(); !report.Complete {
			t.Errorf("the table is there now: %+v", report.Errors)
		}
	}
	if got := s.events(alert.ScanRecovered); len(got) != 1 {
		t.Errorf("%d notices of recovery", len(got))
	}
}

func TestDigestsAroundLocksChangeNothing(t *testing.T) {
	s := newSite(t, map[string]string{"StuckAfter": "1ms"})
	client := dynamodb.NewFromConfig(s.aws.Config())
	table := s.stack.Outputs["LockTableName"]
	const digests, batch = 20_000, 25
	for start := 0; start < digests; start += batch {
		var writes []ddb.WriteRequest
		for i := start; i < start+batch; i++ {
			writes = append(writes, ddb.WriteRequest{PutRequest: &ddb.PutRequest{Item: map[string]ddb.AttributeValue{
				"LockID": &ddb.AttributeValueMemberS{Value: fmt.Sprintf("b/%d/terraform.tfstate-md5", i)},
				"Digest": &ddb.AttributeValueMemberS{Value: "d41d8cd98f00b204e9800998ecf8427e"},
			}}})
		}
		if _, err := client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]ddb.WriteRequest{table: writes}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"x", "y", "z"} {
		s.putLock("b/"+id, id)
	}
	if report, result := s.scan(); report.Held != 3 || len(report.Locks) != 3 {
		t.Errorf("got %+v: %s", report, result.Log)
	}
	if notified := s.events(alert.LockStuck); len(notified) != 3 {
		t.Errorf("%d alerts", len(notified))
	}
}

// putLock writes a lock row as a client does.
func (s *site) putLock(path, id string) {
	s.Helper()
	raw, err := tflock.Info{ID: id, Operation: "OperationTypePlan", Who: "me@host", Created: time.Now().Add(-time.Hour), Path: path}.Marshal()
	if err != nil {
		s.Fatal(err)
	}
	tables, _ := s.stack.Watched()
	set, err := backend.Open(s.aws.Config(), tables[:1], nil)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := set.Tables[0].Acquire(s.Context(), tflock.Path(path), raw); err != nil {
		s.Fatal(err)
	}
}
