package prune_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// A row of another name whose cleaned path is the state's locks it, and its digest goes
// with it.
func TestRowsOfOtherNames(t *testing.T) {
	alias := "branches//x/terraform.tfstate"
	row := func(w *world, name, attribute, value string) {
		if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &w.Table, Item: map[string]types.AttributeValue{
			"LockID": &types.AttributeValueMemberS{Value: string(w.Path(name))}, attribute: &types.AttributeValueMemberS{Value: value},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("a lock keeps the state", func(t *testing.T) {
		w := newWorld(t)
		w.stale(key, local.State(t, "destroyed"))
		w.Lock(alias, "x", w.Set.Tables[0])
		if report := w.prune(); len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptLocked || !strings.Contains(report.Kept[0].Why, "me@host") || len(w.held()) != 1 {
			t.Errorf("%+v, held %v", report, w.held())
		}
	})
	t.Run("a digest goes with the state, and counts as one", func(t *testing.T) {
		w := newWorld(t)
		w.rules.OwnBucket = ""
		w.stale(key, local.State(t, "destroyed"))
		row(w, alias+"-md5", "Digest", local.MD5(local.State(t, "destroyed")))
		if err := w.Set.Tables[0].DeleteDigest(t.Context(), w.Path(key), local.MD5(local.State(t, "destroyed"))); err != nil {
			t.Fatal(err)
		}
		if report := w.prune(); len(report.Pruned) != 1 || w.digestOf(alias) != "" || len(w.held()) != 0 {
			t.Errorf("%+v, digest %q, held %v", report, w.digestOf(alias), w.held())
		}
	})
	t.Run("a digest under another prefix proves nothing", func(t *testing.T) {
		w := newWorld(t)
		w.rules.OwnBucket = ""
		w.stale(key, local.State(t, "destroyed"))
		row(w, "team-a/../"+key+"-md5", "Digest", local.MD5(local.State(t, "destroyed")))
		if err := w.Set.Tables[0].DeleteDigest(t.Context(), w.Path(key), local.MD5(local.State(t, "destroyed"))); err != nil {
			t.Fatal(err)
		}
		if report := w.prune(); len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptNoDigest {
			t.Errorf("%+v", report)
		}
	})
	t.Run("a digest that differs keeps the state", func(t *testing.T) {
		w := newWorld(t)
		w.stale(key, local.State(t, "destroyed"))
		row(w, alias+"-md5", "Digest", "0123")
		if report := w.prune(); len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptDigestMismatch {
			t.Errorf("%+v", report)
		}
	})
}

// In a bucket that the stack did not make, a state without a digest may be of clients
// whose table nobody watches.
func TestNoDigest(t *testing.T) {
	for name, tc := range map[string]struct {
		digest, without bool
		want            policy.KeptReason
	}{
		"with a digest it is pruned":                   {true, false, ""},
		"without one it is kept":                       {false, false, policy.KeptNoDigest},
		"without one it is pruned where that is asked": {false, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.rules.OwnBucket, w.rules.WithoutDigest = "", tc.without
			w.stale(key, local.State(t, "destroyed"))
			if !tc.digest {
				if err := w.Set.Tables[0].DeleteDigest(t.Context(), w.Path(key), local.MD5(local.State(t, "destroyed"))); err != nil {
					t.Fatal(err)
				}
			}
			report := w.prune()
			if tc.want == "" && len(report.Pruned) != 1 || tc.want != "" && (len(report.Kept) != 1 || report.Kept[0].Reason != tc.want) {
				t.Errorf("%+v", report)
			}
		})
	}
}

// Versioning that is suspended after the run looked is noticed in the delete's answer.
func TestVersioningIsSuspendedMeanwhile(t *testing.T) {
	for name, early := range map[string]bool{"the bytes stay as a version": false, "the bytes are lost": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			w.stale("branches/y/terraform.tfstate", local.State(t, "destroyed"))
			answered := false
			client := rewrites{&local.Wire{}, func(r *http.Request, response *http.Response) {
				if r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, ".tfstate") {
					answered = true
					if early { // as S3 answers where it made no marker
						response.Header.Del("X-Amz-Delete-Marker")
						response.Header.Del("X-Amz-Version-Id")
					} else {
						response.Header.Set("X-Amz-Delete-Marker", "true")
						response.Header.Set("X-Amz-Version-Id", "null")
					}
				}
			}}
			report, err := w.prunerOver(client).Run(t.Context(), prune.Request{}, "r")
			if err != nil || !answered || len(report.Pruned) != 1 || !strings.Contains(report.Pruned[0].Why, "versioning") || len(report.Errors) != 1 ||
				len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptUnversioned {
				t.Errorf("%+v, %v", report, err)
			}
			if lost := len(report.Pruned) == 1 && report.Pruned[0].VersionID == ""; lost != early || (len(w.prunedLately()) == 0) != early {
				t.Errorf("lost: %v, offered for restore %d", lost, len(w.prunedLately()))
			}
		})
	}
}

// rewrites changes answers.
type rewrites struct {
	*local.Wire
	change func(r *http.Request, response *http.Response)
}

func (c rewrites) Do(r *http.Request) (*http.Response, error) {
	response, err := c.Wire.Do(r)
	if err == nil {
		c.change(r, response)
	}
	return response, err
}

// A bucket may demand an encryption header: our lock carries the state's. Where a lock
// cannot be written the state is kept, whatever the refusal is called.
func TestALockThatCannotBeWritten(t *testing.T) {
	w := newWorld(t)
	content := local.State(t, "destroyed")
	w.stale(key, content)
	if _, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: aws.String(key), Body: bytes.NewReader(content), ServerSideEncryption: s3types.ServerSideEncryptionAes256}); err != nil {
		t.Fatal(err)
	}
	if err := server.Age(w.Bucket, key, month); err != nil {
		t.Fatal(err)
	}
	demands := func(header string) answers {
		return answers{&local.Wire{}, func(r *http.Request) bool {
			return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".tflock") && r.Header.Get("X-Amz-Server-Side-Encryption") != header
		}, 418, "SomethingNew"}
	}
	report, err := w.prunerOver(demands("aws:kms")).Run(t.Context(), prune.Request{}, "r")
	if err != nil || len(report.Kept) != 1 || report.Kept[0].Reason != policy.KeptLocked || !strings.Contains(report.Kept[0].Why, "SomethingNew") || len(report.Errors) != 1 || !w.Readable(key) || len(w.held()) != 0 {
		t.Errorf("%+v, %v, held %v", report, err, w.held())
	}
	if report, err := w.prunerOver(demands("AES256")).Run(t.Context(), prune.Request{}, "r2"); err != nil || len(report.Pruned) != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// A restore brings back states alone, and says why it does nothing.
func TestRestoresOfOtherThings(t *testing.T) {
	gone := func(w *world, content string) {
		w.Apply(key, []byte(content))
		if _, err := server.S3().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: aws.String(key)}); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		content string
		prepare func(w *world)
		want    prune.Outcome
		says    string
	}{
		"an archive":            {"PK\x03\x04", nil, prune.Refused, "not a Terraform or OpenTofu state"},
		"another tool's JSON":   {`{"version":1}`, nil, prune.Refused, "not a Terraform or OpenTofu state"},
		"a state of version 3":  {`{"version":3,"serial":1,"modules":[]}`, nil, prune.Restored, "Restored"},
		"an encrypted state":    {`{"serial":3,"encrypted_data":"eA==","encryption_version":"v0"}`, nil, prune.Restored, "serial 3"},
		"with PruneMode=report": {string(local.State(t, "destroyed")), func(w *world) { w.rules.ReportOnly = true }, prune.Refused, "PruneMode"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			gone(w, tc.content)
			if tc.prepare != nil {
				tc.prepare(w)
			}
			a, err := w.restore(&local.Wire{})
			if err != nil || a.Outcome != tc.want || !strings.Contains(a.Message, tc.says) || len(w.held()) != 0 {
				t.Errorf("%+v, %v, held %v", a, err, w.held())
			}
		})
	}
	t.Run("a store that takes no new object over a delete marker", func(t *testing.T) {
		w := newWorld(t)
		gone(w, string(local.State(t, "destroyed")))
		client := answers{&local.Wire{}, func(r *http.Request) bool {
			return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".tfstate")
		}, 412, "PreconditionFailed"}
		a, err := w.prunerOver(client).Restore(t.Context(), w.Path(key), "r")
		if err != nil || a.Outcome != prune.Refused || !strings.Contains(a.Message, "delete marker") || len(w.held()) != 0 {
			t.Errorf("%+v, %v, held %v", a, err, w.held())
		}
	})
}
