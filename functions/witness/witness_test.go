package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/monitor"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var (
	now        = time.Date(2026, 11, 27, 2, 14, 7, 331e6, time.UTC)
	versioning = &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}
)

// site is a deployed stack on a local AWS of its own.
type site struct {
	*testing.T
	stack *local.Stack
	heard *int // messages that were looked at
}

func (s *site) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// scan has the monitor scan, and returns its answer and its alerts.
func (s *site) scan() (monitor.Report, []alert.Event) {
	s.Helper()
	var report monitor.Report
	s.check(s.stack.Ask(s.Context(), "monitor", "{}", &report))
	published, err := s.stack.AWS().Published(s.stack.Outputs["AlertTopicArn"])
	s.check(err)
	var events []alert.Event
	for _, m := range published[*s.heard:] {
		var e alert.Event
		s.check(json.Unmarshal([]byte(m.Texts["sqs"]), &e))
		events = append(events, e)
		if text := m.Texts["email"]; e.Type == alert.LockStuck && !strings.Contains(text, "session ") {
			s.Errorf("the mail names no session: %s", text)
		}
	}
	*s.heard = len(published)
	return report, events
}

// forget empties the ledger.
func (s *site) forget() {
	s.Helper()
	client, table := dynamodb.NewFromConfig(s.stack.AWS().Config()), aws.String(s.stack.Resources["LedgerTable"])
	rows, err := client.Scan(s.Context(), &dynamodb.ScanInput{TableName: table})
	s.check(err)
	for _, row := range rows.Items {
		_, err := client.DeleteItem(s.Context(), &dynamodb.DeleteItemInput{TableName: table, Key: map[string]types.AttributeValue{"kind": row["kind"], "id": row["id"]}})
		s.check(err)
	}
}

// orders are all orders of n things, and in each the first one comes again at the end.
func orders(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, rest := range orders(n - 1) {
		for at := range n {
			all = append(all, append(append(append([]int{}, rest[:at]...), n-1), rest[at:]...))
		}
	}
	return all
}

// The tests share one stack: to deploy it takes longer than most of them do.
func TestSessions(t *testing.T) {
	t.Parallel()
	s := &site{T: t, stack: local.ForTest(t, map[string]string{"StuckAfter": "1ms"}), heard: new(int)}
	for _, part := range []struct {
		name string
		test func(s *site)
	}{
		{"a hostile one is text in every channel", aHostileSessionIsText},
		{"alerts name those of real locks", alertsNameTheSessionOfRealLocks},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(&site{T: t, stack: s.stack, heard: s.heard}) })
	}
}

// A run that ends well, and another that dies with the lock: whatever the order in which
// S3's events of both come, and however often, the alert names the session of the second.
func alertsNameTheSessionOfRealLocks(s *site) {
	t, stack, heard := s.T, s.stack, s.heard
	clients, err := local.Clients()
	s.check(err)
	for i, client := range clients {
		t.Run(client.Name, func(t *testing.T) {
			s := &site{T: t, stack: stack, heard: heard}
			mode := []local.Mode{local.ByFile, local.ByBoth}[i%2]
			key := client.Name + "/a b+c/größe/terraform.tfstate"
			if client.Name == "terraform" {
				key = client.Name + "/terraform.tfstate"
			}
			w, err := stack.Workspace(t.Context(), client, t.TempDir(), key, mode)
			s.check(err)
			_, err = w.Run(t.Context(), "apply", "-auto-approve")
			s.check(err)
			bucket := stack.Outputs["StateBucketName"]
			ended, err := stack.AWS().Notifications(t.Context(), bucket, key+".tflock")
			s.check(err)
			w, err = stack.Leave(t.Context(), client, t.TempDir(), key, mode)
			s.check(err)
			all, err := stack.AWS().Notifications(t.Context(), bucket, key+".tflock")
			s.check(err)
			if len(ended) != 2 || len(all) != 3 {
				t.Fatalf("%d and %d events: %+v", len(ended), len(all), all)
			}
			all[0], all[1], all[2] = all[0].By("gh-1-1-1"), all[1].By("gh-1-1-1"), all[2].By("gh-1-2-1")
			for _, order := range orders(3) {
				s.forget()
				for _, n := range append(order, order[0]) {
					s.check(stack.Notify(t.Context(), all[n]))
				}
				report, events := s.scan()
				want := policy.Witness{Principal: all[2].Principal, Session: "gh-1-2-1", SourceIP: "192.0.2.44", TakenAt: all[2].Time.UTC()}
				if len(report.Locks) != 1 || report.Locks[0].Witness == nil || *report.Locks[0].Witness != want {
					t.Fatalf("order %v: %+v", order, report.Locks)
				}
				if len(events) != 1 || events[0].Type != alert.LockStuck || *events[0].Lock.Witness != want || !strings.Contains(events[0].Text, "(session gh-1-2-1)") {
					t.Fatalf("order %v: %+v", order, events)
				}
			}
			s.removed(w, all, key)
		})
	}
}

// removed has a person release the lock by the client's own force-unlock: its end names
// that person's session.
func (s *site) removed(w *local.Workspace, before []local.Notification, key string) {
	s.Helper()
	report, _ := s.scan()
	_, err := w.Run(s.Context(), "force-unlock", report.Locks[0].ID)
	s.check(err)
	after, err := s.stack.AWS().Notifications(s.Context(), s.stack.Outputs["StateBucketName"], key+".tflock")
	s.check(err)
	if len(after) != len(before)+1 {
		s.Fatalf("%+v", after)
	}
	s.check(s.stack.Notify(s.Context(), after[len(before)].By("ana@example.com")))
	_, events := s.scan()
	if len(events) != 1 || events[0].Type != alert.LockResolved || events[0].Removal == nil || events[0].Removal.Session != "ana@example.com" ||
		!strings.Contains(events[0].Text, "removed by session ana@example.com (AWS:AROAZ7EXAMPLEROLEID01:ana@example.com)") || events[0].Lock.Witness.Session != "gh-1-2-1" {
		s.Errorf("%+v", events)
	}
}

// What the created object said is read where it can be, and who took it is recorded all the
// same; what is refused comes again, alone.
func TestTheCreatedVersionIsRead(t *testing.T) {
	t.Parallel()
	const versioned, plain, other = "versioned-states", "plain-states", "other-states"
	server := local.StartForTest(t)
	for _, bucket := range []string{versioned, plain, other} {
		if _, err := server.MakeBucket(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
	}
	client := server.S3()
	if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: aws.String(versioned), VersioningConfiguration: versioning}); err != nil {
		t.Fatal(err)
	}
	stack, err := server.Deploy(t.Context(), "lockwarden", map[string]string{"CreateBackend": "false", "WatchBucketArns": "arn:aws:s3:::" + versioned + ",arn:aws:s3:::" + plain})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, stack: stack}
	n := 0
	put := func(bucket, id string) local.Notification {
		t.Helper()
		n++
		body := fmt.Sprintf(`{"ID":%q,"Operation":"OperationTypeApply","Info":"","Who":"ana@laptop","Version":"1.11.4","Created":"2026-11-23T07:06:04.85961561Z","Path":"x"}`, id)
		out, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k.tflock"), Body: strings.NewReader(body)})
		s.check(err)
		e := local.Notification{Name: "ObjectCreated:Put", Bucket: bucket, Key: "k.tflock", ETag: strings.Trim(aws.ToString(out.ETag), `"`), Sequencer: fmt.Sprintf("00%04X", n), Time: now}
		if bucket == versioned {
			e.VersionID = aws.ToString(out.VersionId)
		}
		return e.By(fmt.Sprintf("gh-1-%d", n))
	}
	records := ledger.NewWitnesses(dynamodb.NewFromConfig(server.Config()), stack.Resources["LedgerTable"])
	known := func(e local.Notification) string {
		t.Helper()
		object := ledger.Object{Path: tflock.NewPath(e.Bucket, "k"), ETag: e.ETag}
		found, err := records.Find(t.Context(), object)
		s.check(err)
		return found[object].Session + " " + strings.Join([]string{found[object].LockID, found[object].Operation, found[object].Who}, ",")
	}
	for _, bucket := range []string{versioned, plain} {
		first := put(bucket, "first")
		second := put(bucket, "second") // in its place
		s.check(stack.Notify(t.Context(), first, second))
		want := map[string]string{versioned: "first,OperationTypeApply,ana@laptop", plain: ",,"}[bucket]
		if got := known(first); got != first.Principal[len("AWS:AROAZ7EXAMPLEROLEID01:"):]+" "+want {
			t.Errorf("%s: the first one is %q, want %q", bucket, got, want)
		}
		if got := known(second); !strings.HasSuffix(got, " second,OperationTypeApply,ana@laptop") {
			t.Errorf("%s: the second one is %q", bucket, got)
		}
	}
	allowed, refused := put(plain, "third"), put(other, "id")
	err = stack.Notify(t.Context(), allowed, refused)
	if err == nil || !strings.Contains(err.Error(), `{"batchItemFailures":[{"itemIdentifier":"059f36b4-87a3-44ab-83d2-000000000001"}]}`) || !strings.Contains(err.Error(), "bucket other-states: S3 refuses") {
		t.Errorf("a bucket that is not watched: %v", err)
	}
	if got := known(allowed); !strings.Contains(got, "third") {
		t.Errorf("the other event of the batch: %q", got)
	}
}
