package stack_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// An update from the version before replaces and deletes nothing but what is listed
// here. testdata/previous.yaml is that version's template, frozen; moto cannot update a
// table in place, so the judge is AWS's own schema of each resource.
func TestAnUpgradeKeepsEverything(t *testing.T) {
	allowed := map[string]string{
		"MonitorFunctionSchedule": "/properties/Name",          // it had a name that other stacks have too
		"Dashboard":               "/properties/DashboardName", // and it one that it has in other regions
	}
	replaced, err := local.Replaced(t.Context(), filepath.Join(local.Root(), "infra", "stack", "testdata", "previous.yaml"))
	check(t, err)
	for name, why := range replaced {
		if allowed[name] != why {
			t.Errorf("an upgrade replaces %s: %s", name, why)
		}
	}
	if replaced["MonitorFunctionSchedule"] == "" {
		t.Error("the schedule that changed its name was not seen")
	}
}

// Deleting the stack keeps states and locks, and nothing else.
func TestDeletingTheStackKeepsStateAndLocks(t *testing.T) {
	s := deploy(t, "deleted", nil)
	fill(t, s)
	if err := server.Delete(t.Context(), "deleted"); err != nil {
		t.Fatal(err)
	}
	holds(t, s)
	ledger := s.Resources["LedgerTable"]
	if _, err := dynamodb.NewFromConfig(server.Config()).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &ledger}); err == nil {
		t.Error("the ledger is still there")
	}
}

// A scan fails when something that it needs has vanished: its error count raises the
// alarm, and for a watched table or bucket the count of scan errors does too.
func TestWhatVanishesIsSeen(t *testing.T) {
	db := dynamodb.NewFromConfig(server.Config())
	for name, vanish := range map[string]func(t *testing.T, s *local.Stack) string{
		"the lock table": func(t *testing.T, s *local.Stack) string {
			table := s.Resources["LockTable"]
			_, err := db.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: &table, DeletionProtectionEnabled: aws.Bool(false)})
			if err == nil {
				_, err = db.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &table})
			}
			check(t, err)
			return table
		},
		"the state bucket": func(t *testing.T, s *local.Stack) string {
			bucket := s.Resources["StateBucket"]
			_, err := server.S3().DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket})
			check(t, err)
			return bucket
		},
		"the ledger": func(t *testing.T, s *local.Stack) string {
			ledger := s.Resources["LedgerTable"]
			_, err := db.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &ledger})
			check(t, err)
			return ledger
		},
		"the topic": func(t *testing.T, s *local.Stack) string {
			fill(t, s) // it is missed when there is something to tell
			topic := s.Outputs["AlertTopicArn"]
			_, err := sns.NewFromConfig(server.Config()).DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: &topic})
			check(t, err)
			return topic
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := deploy(t, "without-"+strings.ReplaceAll(name, " ", "-"), map[string]string{"StuckAfter": "1ms"})
			gone := vanish(t, s)
			result, err := s.Invoke(t.Context(), "monitor", "MonitorFunction", "{}")
			if err != nil || !result.Failed || !strings.Contains(result.Payload, gone) {
				t.Errorf("the scan says nothing of %s: %v, %s", gone, err, result.Payload)
			}
		})
	}
}

const kept = "kept/terraform.tfstate"

// fill puts a state and a lock into a stack's own backend.
func fill(t *testing.T, s *local.Stack) {
	t.Helper()
	bucket := s.Resources["StateBucket"]
	_, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(kept), Body: strings.NewReader("state")})
	check(t, err)
	check(t, local.TakeLock(t.Context(), tflock.NewPath(bucket, kept), sampleID, ownStores(t, s)...))
}

// holds says when what fill put is not there any more.
func holds(t *testing.T, s *local.Stack) {
	t.Helper()
	bucket := s.Resources["StateBucket"]
	if _, err := server.S3().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String(kept)}); err != nil {
		t.Errorf("the state is gone: %v", err)
	}
	for _, store := range ownStores(t, s) {
		if _, found, err := store.Find(t.Context(), tflock.NewPath(bucket, kept)); !found || err != nil {
			t.Errorf("a lock is gone: %v", err)
		}
	}
}

func ownStores(t *testing.T, s *local.Stack) []backend.Store {
	t.Helper()
	tables, buckets := s.Watched()
	set, err := backend.Open(server.Config(), tables, buckets)
	check(t, err)
	return set.All()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
