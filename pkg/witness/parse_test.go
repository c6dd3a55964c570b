package witness_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/witness"
)

// object and removal are what S3 sends of one event, as fields of its record.
const (
	etag      = "0c51eaf3d6c7d4d7c1d7f7f0b8a5a1a2"
	principal = "AWS:AROAEXAMPLE:gh-1-2-1"
)

// record is one of S3's records: name, time, principal, address, bucket, and the object's JSON.
func record(name, when, who, address, bucket, object string) string {
	return fmt.Sprintf(`{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-central-1","eventTime":%q,"eventName":%q,"userIdentity":{"principalId":%q},`+
		`"requestParameters":{"sourceIPAddress":%q},"s3":{"s3SchemaVersion":"1.0","bucket":{"name":%q,"arn":"arn:aws:s3:::x"},"object":%s}}`, when, name, who, address, bucket, object)
}

func message(records ...string) string { return `{"Records":[` + strings.Join(records, ",") + `]}` }

const when = "2026-11-27T02:14:07.331Z"

func TestWhatAMessageSays(t *testing.T) {
	put := func(object string) string {
		return message(record("ObjectCreated:Put", when, principal, "192.0.2.1", "states", object))
	}
	whole := `{"key":"a/b.tfstate.tflock","size":231,"eTag":"` + etag + `","versionId":"v1","sequencer":"0055AED6DCD90281E5"}`
	for name, tc := range map[string]struct {
		body string
		want string // of each event: created or removed, path, sequence, ETag, version, principal, session, address; then the error
	}{
		"created in a versioned bucket": {put(whole), "created states/a/b.tfstate 0055AED6DCD90281E5 " + etag + " v1 " + principal + " gh-1-2-1 192.0.2.1"},
		"created in an unversioned bucket": {
			put(`{"key":"a.tflock","eTag":"` + etag + `","sequencer":"0055AED6DCD9"}`),
			"created states/a 0055AED6DCD9 " + etag + "  " + principal + " gh-1-2-1 192.0.2.1",
		},
		"a delete marker has an ETag and a version that say nothing": {
			message(record("ObjectRemoved:DeleteMarkerCreated", when, principal, "", "states", `{"key":"a.tflock","eTag":"d41d8cd98f00b204e9800998ecf8427e","versionId":"m1","sequencer":"56"}`)),
			"removed states/a 56   " + principal + " gh-1-2-1 ",
		},
		"removed from an unversioned bucket": {
			message(record("ObjectRemoved:Delete", when, "AWS:AIDAX", "", "states", `{"key":"a.tflock","sequencer":"5600"}`)),
			"removed states/a 56   AWS:AIDAX  ",
		},
		"one version deleted permanently": {
			message(record("ObjectRemoved:Delete", when, principal, "", "states", `{"key":"a.tflock","versionId":"v1","sequencer":"56"}`)),
			"removed states/a 56  v1 " + principal + " gh-1-2-1 ",
		},
		"a copied object is created too": {
			message(record("ObjectCreated:Copy", when, principal, "", "states", whole)),
			"created states/a/b.tfstate 0055AED6DCD90281E5 " + etag + " v1 " + principal + " gh-1-2-1 ",
		},
		"keys are URL-encoded": {
			put(`{"key":"env%3A/gr%C3%B6%C3%9Fe+50%25+%2B1/a%3Db.tfstate.tflock","eTag":"x","sequencer":"1"}`),
			"created states/env:/größe 50% +1/a=b.tfstate 1 x  " + principal + " gh-1-2-1 192.0.2.1",
		},
		"the suffix may be encoded": {put(`{"key":"a%2Etflock","eTag":"x","sequencer":"1"}`), "created states/a 1 x  " + principal + " gh-1-2-1 192.0.2.1"},
		"an ETag in quotes":         {put(`{"key":"a.tflock","eTag":"\"x\"","sequencer":"1"}`), "created states/a 1 x  " + principal + " gh-1-2-1 192.0.2.1"},
		"a session's name that forges lines": {
			message(record("ObjectCreated:Put", when, "AWS:AROAX:a\nb\u202e  c", "10.0.0.1\n", "states", `{"key":"a.tflock","eTag":"x","sequencer":"1"}`)),
			"created states/a 1 x  AWS:AROAX:a b? c a b? c 10.0.0.1",
		},
		"another object than a lock":     {put(`{"key":"a.tfstate","eTag":"x","sequencer":"1"}`), ""},
		"a key that is only a suffix":    {put(`{"key":".tflock","eTag":"x","sequencer":"1"}`), ""},
		"a plus is a blank":              {put(`{"key":"a+b.tflock","eTag":"x","sequencer":"1"}`), "created states/a b 1 x  " + principal + " gh-1-2-1 192.0.2.1"},
		"another event of a lock":        {message(record("ObjectTagging:Put", when, principal, "", "states", whole)), ""},
		"an object that was restored":    {message(record("ObjectRestore:Completed", when, principal, "", "states", whole)), ""},
		"S3's test of a notification":    {`{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-27T01:02:03.456Z","Bucket":"states","RequestId":"x","HostId":"y"}`, ""},
		"an event of another service":    {`{"Records":[{"eventSource":"aws:sns","eventName":"ObjectCreated:Put","s3":5}]}`, ""},
		"an event by EventBridge":        {`{"version":"0","detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"states"},"object":{"key":"a.tflock"}}}`, ""},
		"no records":                     {`{"Records":[]}`, ""},
		"records that are not a list":    {`{"Records":"hello"}`, ""},
		"text":                           {"hello", ""},
		"nothing":                        {"", ""},
		"JSON that is not an object":     {`[1,2]`, ""},
		"broken JSON":                    {`{"Records":[{"eventSource":"aws:s3"`, "! message is broken JSON"},
		"a record that is not an object": {`{"Records":[5]}`, "! record 1: is not an S3 event"},
		"no sequencer":                   {put(`{"key":"a.tflock","eTag":"x"}`), "! record 1: its sequencer is not a hexadecimal text of 1 to 128 digits"},
		"a sequencer that is a number":   {put(`{"key":"a.tflock","eTag":"x","sequencer":55}`), "! record 1: a field has the wrong type, its time is invalid, or its key is not URL-encoded"},
		"no ETag of what was created":    {put(`{"key":"a.tflock","sequencer":"1"}`), "! record 1: is of a created object, and has no ETag"},
		"no key":                         {put(`{"eTag":"x","sequencer":"1"}`), "! record 1: names no bucket or no key"},
		"no bucket":                      {message(record("ObjectCreated:Put", when, principal, "", "", whole)), "! record 1: names no bucket or no key"},
		"a bucket that forges a path":    {message(record("ObjectCreated:Put", when, principal, "", "states/a", whole)), "! record 1: names no bucket or no key"},
		"an invalid time":                {message(record("ObjectCreated:Put", "yesterday", principal, "", "states", whole)), "! record 1: a field has the wrong type, its time is invalid, or its key is not URL-encoded"},
		"no time":                        {message(strings.Replace(record("ObjectCreated:Put", when, principal, "", "states", whole), "eventTime", "x", 1)), "! record 1: has no time"},
		"a key that is badly encoded":    {put(`{"key":"a%zz.tflock","eTag":"x","sequencer":"1"}`), "! record 1: a field has the wrong type, its time is invalid, or its key is not URL-encoded"},
		"a malformed record beside a good one": {
			message(record("ObjectCreated:Put", when, principal, "192.0.2.1", "states", `{}`), record("ObjectCreated:Put", when, principal, "192.0.2.1", "states", whole)),
			"created states/a/b.tfstate 0055AED6DCD90281E5 " + etag + " v1 " + principal + " gh-1-2-1 192.0.2.1! record 1: names no bucket or no key",
		},
	} {
		t.Run(name, func(t *testing.T) {
			events, err := witness.Parse(tc.body)
			var got strings.Builder
			for _, e := range events {
				what := "created"
				if e.Removed {
					what = "removed"
				}
				got.WriteString(strings.Join([]string{what, string(e.Path), string(e.Sequence), e.ETag, e.Version, e.Principal, e.Session, e.SourceIP}, " "))
				if e.At != time.Date(2026, 11, 27, 2, 14, 7, 331e6, time.UTC) {
					t.Errorf("at %s", e.At)
				}
			}
			if err != nil {
				got.WriteString("! " + err.Error())
			}
			if got.String() != tc.want {
				t.Errorf("\n%q, want\n%q", got.String(), tc.want)
			}
		})
	}
}

// Whatever a message says: what is recorded names a lock object, in order, and is bounded and
// one line; and an error says nothing of what the message said.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("..", "..", "events", "witness-*.json"))
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, file := range files {
		sample, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, m := range messages(f, sample) {
			f.Add(m.Body)
		}
	}
	f.Add(message(record("ObjectCreated:Put", when, strings.Repeat("ü", 300), strings.Repeat("1", 200), "b", `{"key":"%00.tflock","eTag":"x","sequencer":"0"}`)))
	f.Fuzz(func(t *testing.T, body string) {
		events, err := witness.Parse(body)
		if err != nil && len(err.Error()) > 200*strings.Count(body, "{")+200 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
		for _, e := range events {
			if e.Bucket == "" || string(e.Path)+".tflock" != e.Bucket+"/"+e.Key || strings.Contains(e.Bucket, "/") || len(e.Path) <= len(e.Bucket)+1 {
				t.Errorf("path %q of %q and %q", e.Path, e.Bucket, e.Key)
			}
			if e.Removed == (e.ETag != "") || e.At.IsZero() || strings.HasSuffix(string(e.Sequence), "0") || strings.Trim(string(e.Sequence), "0123456789ABCDEF") != "" {
				t.Errorf("%+v", e)
			}
			if utf8.RuneCountInString(e.Principal) > policy.MaxPrincipal || e.Session != policy.SessionOf(e.Principal) || len(e.Session) >= max(1, len(e.Principal)) {
				t.Errorf("%q of %q", e.Session, e.Principal)
			}
			for _, text := range []string{e.Principal, e.Session, e.SourceIP} {
				if slices.ContainsFunc([]rune(text), func(r rune) bool { return r < ' ' || r == '\u202e' || r == '\u2028' }) || !utf8.ValidString(text) {
					t.Errorf("%q is not one plain line", text)
				}
			}
		}
	})
}
