package backend_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func arns(set backend.Set) []string {
	list := []string{}
	for _, s := range set.All() {
		list = append(list, s.ARN())
	}
	return list
}

func TestPatternsWatchWhateverMatchesNow(t *testing.T) {
	n := fmt.Sprint(time.Now().UnixNano())
	name := func(format string) string { return fmt.Sprintf(format, n) }
	table := func(name string) string { return "arn:aws:dynamodb:eu-central-1:123456789012:table/" + name }
	bucket := func(name string) string { return "arn:aws:s3:::" + name }
	for _, tc := range []struct{ name, key string }{
		{name("tf-locks-%s-a"), "LockID"}, {name("tf-locks-%s-b"), "LockID"}, {name("tf-locks-%s-foreign"), "id"}, {name("tf-lock-%s"), "LockID"},
	} {
		if _, err := server.MakeTable(t.Context(), tc.name, tc.key); err != nil {
			t.Fatal(err)
		}
	}
	client := dynamodb.NewFromConfig(server.Config())
	makeKeyed := func(name string, kind types.ScalarAttributeType, second bool) {
		input := &dynamodb.CreateTableInput{
			TableName: &name, BillingMode: types.BillingModePayPerRequest,
			KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("LockID"), KeyType: types.KeyTypeHash}},
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("LockID"), AttributeType: kind}},
		}
		if second {
			input.KeySchema = append(input.KeySchema, types.KeySchemaElement{AttributeName: aws.String("part"), KeyType: types.KeyTypeRange})
			input.AttributeDefinitions = append(input.AttributeDefinitions, types.AttributeDefinition{AttributeName: aws.String("part"), AttributeType: types.ScalarAttributeTypeS})
		}
		if _, err := client.CreateTable(t.Context(), input); err != nil {
			t.Fatal(err)
		}
	}
	makeKeyed(name("tf-locks-%s-numbers"), types.ScalarAttributeTypeN, false)
	makeKeyed(name("tf-locks-%s-parts"), types.ScalarAttributeTypeS, true)
	for _, b := range []string{name("one-%s-tfstate"), name("two-%s-tfstate"), name("three-%s-other")} {
		if _, err := server.MakeBucket(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	cfg := server.Config()
	set, err := backend.Open(cfg,
		[]string{table(name("tf-locks-%s-b")), table(name("tf-locks-%s-*")), table(name("*-%s-a")), "arn:aws:dynamodb:eu-west-3:123456789012:table/" + name("tf-locks-%s-*")},
		[]string{bucket(name("*-%s-tfstate")), bucket(name("none-%s-*"))})
	if err != nil {
		t.Fatal(err)
	}
	// The named one first; the foreign ones, whose key is not LockID alone, are passed over.
	want := []string{table(name("tf-locks-%s-b")), table(name("tf-locks-%s-a")), bucket(name("one-%s-tfstate")), bucket(name("two-%s-tfstate"))}
	if got := arns(set.Discover(t.Context())); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	t.Run("a new store is found by the next search, and one that is gone is not", func(t *testing.T) {
		if _, err := server.MakeBucket(t.Context(), name("four-%s-tfstate")); err != nil {
			t.Fatal(err)
		}
		if _, err := client.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: aws.String(name("tf-locks-%s-a"))}); err != nil {
			t.Fatal(err)
		}
		want := []string{table(name("tf-locks-%s-b")), bucket(name("four-%s-tfstate")), bucket(name("one-%s-tfstate")), bucket(name("two-%s-tfstate"))}
		if got := arns(set.Discover(t.Context())); !slices.Equal(got, want) {
			t.Errorf("got %q\nwant %q", got, want)
		}
	})
	t.Run("what is found is read as a store that was named", func(t *testing.T) {
		put(t, name("one-%s-tfstate"), "a.tflock", string(lockJSON(t, "x")))
		found := set.Discover(t.Context())
		b := found.BucketOf(tflock.Path(name("one-%s-tfstate") + "/a"))
		if b == nil {
			t.Fatal("its bucket is not watched")
		}
		if h, ok, err := b.Find(t.Context(), tflock.NewPath(name("one-%s-tfstate"), "a")); err != nil || !ok || h.Info.ID != "x" {
			t.Errorf("%+v, %v, %v", h, ok, err)
		}
	})
}

func TestWithoutPatternsNothingIsAsked(t *testing.T) {
	cfg := server.Config()
	cfg.HTTPClient = &local.Wire{Before: func(call string) { t.Errorf("called %s", call) }}
	set, err := backend.Open(cfg, []string{"arn:aws:dynamodb:us-east-1:123456789012:table/locks"}, []string{"arn:aws:s3:::states"})
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Discover(t.Context()); len(got.All()) != 2 || len(got.Patterns()) != 0 {
		t.Errorf("got %v", arns(got))
	}
}

// 250 tables are three pages, 1,200 buckets two; what is not matched costs no other call.
func TestListsAreReadToTheirEnd(t *testing.T) {
	w := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}, Buckets: map[string]*scale.Bucket{}}
	for i := range 249 {
		name := fmt.Sprintf("locks-%03d", i)
		w.Tables[name] = scale.LockTable(name, scale.Crowd{})
	}
	for i := range 1200 {
		w.Buckets[fmt.Sprintf("s-%04d", i)] = &scale.Bucket{Name: fmt.Sprintf("s-%04d", i), Region: map[bool]string{true: "eu-west-1"}[i == 1199]}
	}
	w.Buckets["t-1"] = &scale.Bucket{Name: "t-1"}
	cfg := w.Online(t)
	cfg.HTTPClient = server.Config().HTTPClient
	set, err := backend.Open(cfg, []string{scale.TableARN("*-24*"), scale.TableARN("led*")}, []string{scale.BucketARN("s-*9"), scale.BucketARN("s-00*")})
	if err != nil {
		t.Fatal(err)
	}
	found := set.Discover(t.Context())
	if len(found.Tables) != 9 || len(found.Buckets) != 120+90 {
		t.Errorf("%d tables, %d buckets", len(found.Tables), len(found.Buckets))
	}
	if calls := w.Calls(); calls["ListTables"] != 3 || calls["DescribeTable"] != 10 || calls["ListBuckets"] != 2 || len(calls) != 3 {
		t.Errorf("%v", calls)
	}
	// The list says where a bucket is, so that it is not asked in vain elsewhere.
	for _, err := range found.Buckets[len(found.Buckets)-1].Holdings(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if calls := w.Calls(); calls["HeadBucket"] != 0 || calls["ListObjectsV2"] != 1 {
		t.Errorf("%v", calls)
	}
}

func TestASearchThatFailsIsAStoreThatFails(t *testing.T) {
	for name, tc := range map[string]struct {
		status    int
		code      string
		says      string
		permanent bool
	}{
		"listing refused": {http.StatusForbidden, "AccessDenied", "access denied", true},
		"throttled":       {http.StatusBadRequest, "ThrottlingException", "throttled", false},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := backend.Open(refusal(t, tc.status, tc.code), []string{"arn:aws:dynamodb:eu-central-1:123456789012:table/tf-*"}, []string{"arn:aws:s3:::*-tfstate"})
			if err != nil {
				t.Fatal(err)
			}
			found := set.Discover(t.Context())
			if got := arns(found); !slices.Equal(got, set.Patterns()) {
				t.Fatalf("got %q", got)
			}
			for _, s := range found.All() {
				mustFail(t, s, tc.says, tc.permanent)
			}
			b := found.BucketOf("my-tfstate/k")
			if b == nil {
				t.Fatal("a bucket that the pattern covers counts as not watched")
			}
			if _, err := b.StateWritten(t.Context(), "my-tfstate/k"); err == nil {
				t.Error("the state was never written, it says")
			}
			if other := found.BucketOf("my-states/k"); other != nil {
				t.Errorf("%s is not covered", other.ARN())
			}
			if _, ok, err := found.Buckets[0].Find(t.Context(), "my-states/k"); ok || err != nil {
				t.Errorf("%v, %v for a path elsewhere", ok, err)
			}
		})
	}
}

// mustFail wants whatever this store is asked to fail, in these words.
func mustFail(t *testing.T, s backend.Store, says string, permanent bool) {
	t.Helper()
	for h, err := range s.Holdings(t.Context()) {
		if err == nil || !strings.HasPrefix(err.Error(), s.ARN()+": ") || !strings.Contains(err.Error(), says) || backend.Permanent(err) != permanent {
			t.Errorf("%+v, %v", h, err)
		}
	}
	if _, _, err := s.Find(t.Context(), "my-tfstate/k"); err == nil {
		t.Errorf("%s: nothing is there, it says", s.ARN())
	}
}

func TestASearchThatMeetsAProxyFails(t *testing.T) {
	cfg := server.Config()
	cfg.HTTPClient, cfg.Retryer = proxy{}, func() aws.Retryer { return aws.NopRetryer{} }
	set, err := backend.Open(cfg, []string{"arn:aws:dynamodb:eu-central-1:123456789012:table/tf-*"}, []string{"arn:aws:s3:::*-tfstate"})
	if err != nil {
		t.Fatal(err)
	}
	if got := arns(set.Discover(t.Context())); !slices.Equal(got, set.Patterns()) {
		t.Errorf("got %q", got)
	}
}

func TestAPatternOfTablesOfAnotherAccountIsRefused(t *testing.T) {
	set, err := backend.Open(server.Config(), []string{"arn:aws:dynamodb:us-east-1:210987654321:table/tf-*"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	set.Account = "123456789012"
	for _, err := range set.Discover(t.Context()).Tables[0].Holdings(t.Context()) {
		if err == nil || !backend.Permanent(err) || !strings.Contains(err.Error(), "name a table of another account in full") {
			t.Errorf("got %v", err)
		}
	}
}
