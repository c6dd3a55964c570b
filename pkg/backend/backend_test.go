package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var server *local.AWS

func TestMain(m *testing.M) {
	local.Main(m, &server)
}

// stores are one of each kind, new for each test, with a way to write what is not a lock.
func stores(t *testing.T) map[string]struct {
	backend.Store
	path  func(key string) string
	write func(path, content string)
} {
	t.Helper()
	name := fmt.Sprintf("s%d", time.Now().UnixNano())
	table, err := server.MakeTable(t.Context(), name, "LockID")
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := server.MakeBucket(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	set, err := backend.Open(server.Config(), []string{table}, []string{bucket})
	if err != nil {
		t.Fatal(err)
	}
	path := func(key string) string { return name + "/" + key }
	type kind = struct {
		backend.Store
		path  func(key string) string
		write func(path, content string)
	}
	return map[string]kind{
		"table": {set.Tables[0], path, func(path, content string) {
			_, err := dynamodb.NewFromConfig(server.Config()).PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &name, Item: map[string]types.AttributeValue{
				"LockID": &types.AttributeValueMemberS{Value: path}, "Info": &types.AttributeValueMemberS{Value: content},
			}})
			if err != nil {
				t.Fatal(err)
			}
		}},
		"bucket": {set.Buckets[0], path, func(path, content string) {
			put(t, name, strings.TrimPrefix(path, name+"/")+tflock.Suffix, content)
		}},
	}
}

func put(t *testing.T, bucket, key, content string) {
	t.Helper()
	if _, err := server.S3().PutObject(context.Background(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader([]byte(content))}); err != nil {
		t.Fatal(err)
	}
}

func lockJSON(t *testing.T, id string) []byte {
	t.Helper()
	raw, err := tflock.Info{ID: id, Operation: "OperationTypeApply", Who: "me@host <&>", Created: time.Now().UTC()}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func list(t *testing.T, s backend.Store) map[string]tflock.Holding {
	t.Helper()
	all := map[string]tflock.Holding{}
	for h, err := range s.Holdings(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all[h.Path] = h
	}
	return all
}

// What every store promises.
func TestContract(t *testing.T) {
	for name, s := range stores(t) {
		t.Run(name+": an empty store has no holdings", func(t *testing.T) {
			if got := list(t, s); len(got) != 0 {
				t.Errorf("got %v", got)
			}
		})
		t.Run(name+": a taken lock is listed and found with its exact bytes", func(t *testing.T) {
			raw := lockJSON(t, "x")
			if _, err := s.Acquire(t.Context(), s.path("a/terraform.tfstate"), raw); err != nil {
				t.Fatal(err)
			}
			found, ok, err := s.Find(t.Context(), s.path("a/terraform.tfstate"))
			if err != nil || !ok || found.Raw != string(raw) || found.Info.ID != "x" {
				t.Fatalf("%+v, %v, %v", found, ok, err)
			}
			if listed := list(t, s)[found.Path]; listed.Raw != found.Raw || listed.ETag != found.ETag || listed.Store != s.ARN() {
				t.Errorf("listed %+v, found %+v", listed, found)
			}
		})
		t.Run(name+": a write that is repeated finds its own lock", func(t *testing.T) {
			raw := lockJSON(t, "repeated")
			for range 2 { // as the SDK does when an answer is lost
				if _, err := s.Acquire(t.Context(), s.path("repeated"), raw); err != nil {
					t.Error(err)
				}
			}
		})
		t.Run(name+": a held lock cannot be taken", func(t *testing.T) {
			_, err := s.Acquire(t.Context(), s.path("a/terraform.tfstate"), lockJSON(t, "y"))
			if _, held := errors.AsType[*backend.HeldError](err); !held {
				t.Errorf("got %v", err)
			}
		})
		t.Run(name+": a lock that changed is left alone, and its holder is named", func(t *testing.T) {
			path := s.path("changed")
			if _, err := s.Acquire(t.Context(), path, lockJSON(t, "old")); err != nil {
				t.Fatal(err)
			}
			old, _, err := s.Find(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			s.write(path, string(lockJSON(t, "new")))
			err = s.Release(t.Context(), old)
			if changed, ok := errors.AsType[*backend.ChangedError](err); !ok || changed.Now == nil || changed.Now.Info.ID != "new" {
				t.Errorf("got %v", err)
			}
			if now, ok, err := s.Find(t.Context(), path); err != nil || !ok || now.Info.ID != "new" {
				t.Errorf("the new lock: %v, %v, %v", now, ok, err)
			}
		})
		t.Run(name+": a release takes the one lock, once", func(t *testing.T) {
			path := s.path("a/terraform.tfstate")
			h, _, err := s.Find(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Release(t.Context(), h); err != nil {
				t.Fatal(err)
			}
			if err := s.Release(t.Context(), h); !errors.Is(err, backend.ErrGone) {
				t.Errorf("again: %v", err)
			}
			if _, ok := list(t, s)[s.path("changed")]; !ok {
				t.Error("another lock went with it")
			}
		})
		t.Run(name+": what is not a lock is held and unreadable; found alone, with its bytes", func(t *testing.T) {
			for i, content := range []string{"{}", "me, until noon", `{"ID":""}`, strings.Repeat("x", 200_000)} {
				path := s.path(fmt.Sprintf("odd/%d", i))
				s.write(path, content)
				if h := list(t, s)[path]; h.Err == nil || h.Raw != "" {
					t.Errorf("%.20q: listed with error %v, %d bytes", content, h.Err, len(h.Raw))
				}
				if h, found, err := s.Find(t.Context(), path); err != nil || !found || h.Err == nil || h.Raw != content {
					t.Errorf("%.20q: %v, %v, error %v, %d bytes", content, found, err, h.Err, len(h.Raw))
				}
			}
		})
		t.Run(name+": a key with any characters is listed by its own name", func(t *testing.T) {
			path := s.path("env:/ä +%2F/\x01/a&b<c>.tfstate")
			if _, err := s.Acquire(t.Context(), path, lockJSON(t, "odd")); err != nil {
				t.Fatal(err)
			}
			if h, ok := list(t, s)[path]; !ok || h.Info.ID != "odd" {
				t.Errorf("not listed: %+v", h)
			}
		})
		t.Run(name+": many locks come over several pages", func(t *testing.T) {
			before := len(list(t, s))
			const more = 30
			for i := range more {
				s.write(s.path(fmt.Sprintf("many/%d", i)), string(lockJSON(t, "m"))+strings.Repeat(" ", 100_000))
			}
			if got := len(list(t, s)); got != before+more {
				t.Errorf("%d holdings, want %d", got, before+more)
			}
		})
	}
}

func TestBucketListsLocksAmongManyKeys(t *testing.T) {
	s := stores(t)["bucket"]
	bucket, _, _ := tflock.SplitPath(s.path("x"))
	if err := server.Fill(bucket, "states/", 1100); err != nil { // more than a page
		t.Fatal(err)
	}
	for _, key := range []string{"states/00000", "states/01099"} {
		s.write(s.path(key), string(lockJSON(t, key)))
	}
	put(t, bucket, tflock.Suffix, "a lock on no state")
	put(t, bucket, "huge"+tflock.Suffix, strings.Repeat("x", 2<<20))
	got := list(t, s.Store)
	if len(got) != 3 || got[s.path("huge")].Err == nil || got[s.path("huge")].Raw != "" {
		t.Errorf("%d holdings", len(got))
	}
}

func TestTableTellsRowsApart(t *testing.T) {
	s := stores(t)["table"]
	name, _, _ := tflock.SplitPath(s.path("x"))
	text := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	for _, row := range []map[string]types.AttributeValue{
		{"LockID": text("b/k-md5"), "Digest": text("d41d8cd98f00b204e9800998ecf8427e")},
		{"LockID": text("b/empty-md5")},
		{"LockID": text("b/lock-md5"), "Info": text(string(lockJSON(t, "x")))},
		{"LockID": text("b/both"), "Info": text(string(lockJSON(t, "y"))), "Digest": text("d")},
		{"LockID": text("deploy"), "Expiration": &types.AttributeValueMemberN{Value: "7"}, "Owner": text("me")},
		{"LockID": text("b/number"), "Info": &types.AttributeValueMemberN{Value: "7"}},
	} {
		if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &name, Item: row}); err != nil {
			t.Fatal(err)
		}
	}
	got := list(t, s.Store)
	for path, readable := range map[string]bool{"b/lock-md5": true, "b/both": true, "deploy": false, "b/number": false} {
		if h, ok := got[path]; !ok || (h.Err == nil) != readable {
			t.Errorf("%s: %v, %v", path, ok, h.Err)
		}
		delete(got, path)
	}
	if len(got) != 0 {
		t.Errorf("these are not locks: %v", got)
	}
}

// Such a table is somebody's own: nobody can lock with it, and not one of its rows is a
// lock that nobody can read.
func TestATableThatIsNoLockTableSaysSo(t *testing.T) {
	client := dynamodb.NewFromConfig(server.Config())
	text := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	hash := func(name string, kind types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: &name, KeyType: kind}
	}
	for name, tc := range map[string]struct {
		keys []types.KeySchemaElement
		row  func(i int) map[string]types.AttributeValue
	}{
		"rows-without-lockid": {[]types.KeySchemaElement{hash("id", types.KeyTypeHash)}, func(i int) map[string]types.AttributeValue {
			return map[string]types.AttributeValue{"id": text(fmt.Sprint(i))}
		}},
		"rows-with-a-second-key": {[]types.KeySchemaElement{hash("LockID", types.KeyTypeHash), hash("part", types.KeyTypeRange)}, func(i int) map[string]types.AttributeValue {
			return map[string]types.AttributeValue{"LockID": text("b/k"), "part": text(fmt.Sprint(i))}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var attributes []types.AttributeDefinition
			for _, key := range tc.keys {
				attributes = append(attributes, types.AttributeDefinition{AttributeName: key.AttributeName, AttributeType: types.ScalarAttributeTypeS})
			}
			made, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
				TableName: aws.String(name), KeySchema: tc.keys, AttributeDefinitions: attributes, BillingMode: types.BillingModePayPerRequest,
			})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				if _, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(name), Item: tc.row(i)}); err != nil {
					t.Fatal(err)
				}
			}
			set, err := backend.Open(server.Config(), []string{aws.ToString(made.TableDescription.TableArn)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			held, failures := 0, 0
			for _, err := range set.Tables[0].Holdings(t.Context()) {
				if err == nil {
					held++
					continue
				}
				failures++
				if !backend.Permanent(err) || !strings.Contains(err.Error(), "does not look like a lock table") || !strings.HasPrefix(err.Error(), set.Tables[0].ARN()) {
					t.Errorf("got %v", err)
				}
			}
			if held > 1 || failures != 1 {
				t.Errorf("%d holdings, %d failures", held, failures)
			}
		})
	}
}

func TestStateWritten(t *testing.T) {
	s := stores(t)["bucket"]
	bucket := s.Store.(*backend.Bucket)
	name, _, _ := tflock.SplitPath(s.path("x"))
	put(t, name, "a/terraform.tfstate.backup", "{}")
	if at, err := bucket.StateWritten(t.Context(), s.path("a/terraform.tfstate")); err != nil || !at.IsZero() {
		t.Errorf("a state that is only a prefix of another key: %v, %v", at, err)
	}
	put(t, name, "a/terraform.tfstate", "{}")
	if at, err := bucket.StateWritten(t.Context(), s.path("a/terraform.tfstate")); err != nil || time.Since(at) > time.Minute {
		t.Errorf("got %v, %v", at, err)
	}
	if sum, err := bucket.StateDigest(t.Context(), s.path("a/terraform.tfstate")); err != nil || sum != "99914b932bd37a50b983c5e7c90ae93b" {
		t.Errorf("got %s, %v", sum, err)
	}
}

func TestAMissingStoreIsAnErrorThatSaysSo(t *testing.T) {
	set, err := backend.Open(server.Config(), []string{"arn:aws:dynamodb:us-east-1:123456789012:table/none"}, []string{"arn:aws:s3:::none-such-bucket"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range set.All() {
		failed := false
		for _, err := range s.Holdings(t.Context()) {
			failed = err != nil && strings.Contains(err.Error(), s.ARN()) && strings.Contains(err.Error(), "does not exist")
		}
		if !failed {
			t.Errorf("%s: no such error", s.ARN())
		}
	}
}

func TestOpenRefusesWhatIsNoARN(t *testing.T) {
	for name, tc := range map[string]struct {
		tables, buckets []string
		want            string
	}{
		"a table's name":        {[]string{"terraform-locks"}, nil, "is not the ARN of a DynamoDB table"},
		"a bucket as a table":   {[]string{"arn:aws:s3:::b"}, nil, "is not the ARN of a DynamoDB table"},
		"an index":              {[]string{"arn:aws:dynamodb:eu-west-1:1:table/t/index/i"}, nil, "is not the ARN"},
		"an object":             {nil, []string{"arn:aws:s3:::b/k"}, "is not the ARN of a S3 bucket"},
		"a table without place": {[]string{"arn:aws:dynamodb:::table/t"}, nil, "is not the ARN"},
		"nothing at all":        {[]string{""}, nil, "nothing to watch"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := backend.Open(aws.Config{}, tc.tables, tc.buckets); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Terraform up to 1.5 keeps `//` in its rows and stores the state under the cleaned key:
// when the state was written, and its digest, are found all the same.
func TestAStateUnderACleanedKeyIsFound(t *testing.T) {
	place, err := server.MakePlace(t.Context(), fmt.Sprintf("w%d", time.Now().UnixNano()))
	if err != nil {
		t.Fatal(err)
	}
	set, err := backend.Open(server.Config(), nil, []string{place.BucketARN})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &place.Bucket, Key: aws.String("a/k"), Body: strings.NewReader("{}")}); err != nil {
		t.Fatal(err)
	}
	b, path := set.Buckets[0], place.Path("a//k")
	if written, err := b.StateWritten(t.Context(), path); err != nil || written.IsZero() {
		t.Errorf("written %s, %v", written, err)
	}
	if digest, err := b.StateDigest(t.Context(), path); err != nil || digest != "99914b932bd37a50b983c5e7c90ae93b" {
		t.Errorf("digest %q, %v", digest, err)
	}
	all, times := b.Survey(t.Context())
	for _, err := range all {
		if err != nil {
			t.Fatal(err)
		}
	}
	if written, known := times.Of(path); !known || written.IsZero() {
		t.Errorf("listed as written %s, %v", written, known)
	}
}
