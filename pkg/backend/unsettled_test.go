package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// script answers some requests as AWS or another store may; the rest go to the local AWS.
type script struct {
	wire   local.Wire
	answer func(r *http.Request) *http.Response // nil: send it
}

func (s *script) Do(r *http.Request) (*http.Response, error) {
	if answer := s.answer(r); answer != nil {
		answer.Request = r
		return answer, nil
	}
	return s.wire.Do(r)
}

func xmlError(status int, code string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<Error><Code>" + code + "</Code><Message>no</Message></Error>"))}
}

func jsonError(code string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"no"}`)),
	}
}

// place is a table and a bucket of one name, seen through a script.
type place struct {
	*testing.T
	name    string
	plain   backend.Set
	through backend.Set
}

func newPlace(t *testing.T, answer func(r *http.Request) *http.Response) place {
	t.Helper()
	p := place{T: t, name: fmt.Sprintf("u%d", time.Now().UnixNano())}
	table, err := server.MakeTable(t.Context(), p.name, "LockID")
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := server.MakeBucket(t.Context(), p.name)
	if err != nil {
		t.Fatal(err)
	}
	cfg := server.ConfigOver(&local.Wire{})
	cfg.HTTPClient = &script{answer: answer}
	for set, c := range map[*backend.Set]aws.Config{&p.plain: server.Config(), &p.through: cfg} {
		if *set, err = backend.Open(c, []string{table}, []string{bucket}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p place) path() string { return p.name + "/a/terraform.tfstate" }

func (p place) digest(value string) {
	p.Helper()
	_, err := dynamodb.NewFromConfig(server.Config()).PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &p.name, Item: map[string]types.AttributeValue{
		"LockID": &types.AttributeValueMemberS{Value: p.path() + "-md5"}, "Digest": &types.AttributeValueMemberS{Value: value},
	}})
	if err != nil {
		p.Fatal(err)
	}
}

// A conditional call is refused because of what is there. What is there decides what the
// refusal means, and when it cannot be read nobody knows.
func TestARefusalIsLookedAt(t *testing.T) {
	is := func(r *http.Request, method string) bool {
		return r.Method == method && r.Header.Get("X-Amz-Target") == ""
	}
	target := func(r *http.Request, call string) bool {
		return strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+call)
	}
	for _, tc := range []struct {
		name            string
		refuse          func(r *http.Request) *http.Response
		failLook        func(r *http.Request) *http.Response
		prepare         func(p place, s backend.Set) tflock.Holding
		call            func(p place, s backend.Set, h tflock.Holding) error
		looked, unknown string // what it comes to when the look works, and when it fails
	}{
		{
			name: "a lock object, 409, nothing there",
			refuse: func(r *http.Request) *http.Response {
				if is(r, "PUT") {
					return xmlError(409, "ConditionalRequestConflict")
				}
				return nil
			},
			failLook: func(r *http.Request) *http.Response {
				if is(r, "GET") {
					return xmlError(503, "SlowDown")
				}
				return nil
			},
			call: func(p place, s backend.Set, _ tflock.Holding) error {
				_, err := s.Buckets[0].Acquire(p.Context(), tflock.Path(p.path()), lockJSON(p.T, "x"))
				return err
			},
			looked: "unknown", unknown: "unknown",
		},
		{
			name: "a lock object, 412 for ever, nothing there",
			refuse: func(r *http.Request) *http.Response {
				if is(r, "PUT") {
					return xmlError(412, "PreconditionFailed")
				}
				return nil
			},
			failLook: func(r *http.Request) *http.Response {
				if is(r, "GET") {
					return xmlError(403, "AccessDenied")
				}
				return nil
			},
			call: func(p place, s backend.Set, _ tflock.Holding) error {
				_, err := s.Buckets[0].Acquire(p.Context(), tflock.Path(p.path()), lockJSON(p.T, "x"))
				return err
			},
			looked: "refused", unknown: "unknown",
		},
		{
			name: "a lock row, the condition fails without the item",
			refuse: func(r *http.Request) *http.Response {
				if target(r, "PutItem") {
					return jsonError("ConditionalCheckFailedException")
				}
				return nil
			},
			failLook: func(r *http.Request) *http.Response {
				if target(r, "GetItem") {
					return jsonError("AccessDeniedException")
				}
				return nil
			},
			prepare: func(p place, s backend.Set) tflock.Holding {
				h, err := s.Tables[0].Acquire(p.Context(), tflock.Path(p.path()), lockJSON(p.T, "other"))
				if err != nil {
					p.Fatal(err)
				}
				return h
			},
			call: func(p place, s backend.Set, _ tflock.Holding) error {
				_, err := s.Tables[0].Acquire(p.Context(), tflock.Path(p.path()), lockJSON(p.T, "x"))
				return err
			},
			looked: "held by other", unknown: "unknown",
		},
		{
			name: "the release of an object, 409, another lock there",
			refuse: func(r *http.Request) *http.Response {
				if is(r, "DELETE") {
					return xmlError(409, "ConditionalRequestConflict")
				}
				return nil
			},
			failLook: func(r *http.Request) *http.Response {
				if is(r, "GET") {
					return xmlError(500, "InternalError")
				}
				return nil
			},
			prepare: func(p place, s backend.Set) tflock.Holding {
				h, err := s.Buckets[0].Acquire(p.Context(), tflock.Path(p.path()), lockJSON(p.T, "old"))
				if err != nil {
					p.Fatal(err)
				}
				put(p.T, p.name, "a/terraform.tfstate.tflock", string(lockJSON(p.T, "new")))
				return h
			},
			call:   func(p place, s backend.Set, h tflock.Holding) error { return s.Buckets[0].Release(p.Context(), h) },
			looked: "changed", unknown: "unknown",
		},
		{
			name: "the release of a row, the condition fails without the item",
			refuse: func(r *http.Request) *http.Response {
				if target(r, "DeleteItem") {
					return jsonError("ConditionalCheckFailedException")
				}
				return nil
			},
			failLook: func(r *http.Request) *http.Response {
				if target(r, "GetItem") {
					return jsonError("InternalServerError")
				}
				return nil
			},
			prepare: func(p place, s backend.Set) tflock.Holding {
				if _, err := s.Tables[0].Acquire(p.Context(), tflock.Path(p.path()), lockJSON(p.T, "new")); err != nil {
					p.Fatal(err)
				}
				return tflock.Holding{Kind: tflock.DynamoDB, Path: tflock.Path(p.path()), Raw: string(lockJSON(p.T, "old"))}
			},
			call:   func(p place, s backend.Set, h tflock.Holding) error { return s.Tables[0].Release(p.Context(), h) },
			looked: "changed", unknown: "unknown",
		},
		{
			name: "a digest, the condition fails without the item",
			refuse: func(r *http.Request) *http.Response {
				if target(r, "DeleteItem") {
					return jsonError("ConditionalCheckFailedException")
				}
				return nil
			},
			failLook: func(r *http.Request) *http.Response {
				if target(r, "GetItem") {
					return jsonError("ThrottlingException")
				}
				return nil
			},
			prepare: func(p place, _ backend.Set) tflock.Holding { p.digest("new"); return tflock.Holding{} },
			call: func(p place, s backend.Set, _ tflock.Holding) error {
				return s.Tables[0].DeleteDigest(p.Context(), tflock.Path(p.path()), "old")
			},
			looked: "changed", unknown: "unknown",
		},
		{
			name: "the delete of a state, 412, another state there",
			refuse: func(r *http.Request) *http.Response {
				if is(r, "DELETE") {
					return xmlError(412, "PreconditionFailed")
				}
				return nil
			},
			failLook: func(r *http.Request) *http.Response {
				if is(r, "HEAD") {
					return xmlError(403, "")
				}
				return nil
			},
			prepare: func(p place, _ backend.Set) tflock.Holding {
				put(p.T, p.name, "a/terraform.tfstate", "new")
				return tflock.Holding{}
			},
			call: func(p place, s backend.Set, _ tflock.Holding) error {
				_, err := s.Buckets[0].DeleteState(p.Context(), tflock.Path(p.path()), `"old"`)
				return err
			},
			looked: "changed", unknown: "unknown",
		},
		{
			name: "the write of a state, 409, another state there",
			refuse: func(r *http.Request) *http.Response {
				if is(r, "PUT") {
					return xmlError(409, "ConditionalRequestConflict")
				}
				return nil
			},
			failLook: func(r *http.Request) *http.Response {
				if is(r, "GET") {
					return xmlError(503, "ServiceUnavailable")
				}
				return nil
			},
			prepare: func(p place, _ backend.Set) tflock.Holding {
				put(p.T, p.name, "a/terraform.tfstate", "new")
				return tflock.Holding{}
			},
			call: func(p place, s backend.Set, _ tflock.Holding) error {
				_, err := s.Buckets[0].WriteState(p.Context(), tflock.Path(p.path()), []byte("old"), backend.Encryption{})
				return err
			},
			looked: "there is one", unknown: "unknown",
		},
	} {
		for _, lookFails := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, look fails: %v", tc.name, lookFails), func(t *testing.T) {
				p := newPlace(t, func(r *http.Request) *http.Response {
					answer := tc.refuse(r)
					if answer == nil && lookFails {
						answer = tc.failLook(r)
					}
					return answer
				})
				var h tflock.Holding
				if tc.prepare != nil {
					h = tc.prepare(p, p.plain)
				}
				want := tc.looked
				if lookFails {
					want = tc.unknown
				}
				if got := meaning(tc.call(p, p.through, h)); got != want {
					t.Errorf("it comes to %q, want %q", got, want)
				}
			})
		}
	}
}

// meaning says what a caller may conclude from an error.
func meaning(err error) string {
	if held, ok := errors.AsType[*backend.HeldError](err); ok {
		return "held by " + held.By.Info.ID
	}
	if _, ok := errors.AsType[*backend.ChangedError](err); ok {
		return "changed"
	}
	failed, ok := errors.AsType[*backend.Error](err)
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, backend.ErrGone):
		return "gone"
	case errors.Is(err, backend.ErrExists):
		return "there is one"
	case ok && failed.Refused():
		return "refused"
	case ok:
		return "unknown"
	}
	return err.Error()
}

// Whatever S3 refuses by 4xx had no effect, whatever its name; what may pass, and what met
// another call, is not a refusal.
func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		status int
		code   string
		want   string
	}{
		{403, "AccessDenied", "refused"},
		{400, "InvalidRequest", "refused"},
		{400, "KMS.DisabledException", "refused"},
		{400, "KeyTooLongError", "refused"},
		{403, "AllAccessDisabled", "refused"},
		{405, "MethodNotAllowed", "refused"},
		{418, "SomethingNew", "refused"},
		{400, "RequestTimeout", "unknown"},
		{408, "RequestTimeout", "unknown"},
		{429, "TooManyRequests", "unknown"},
		{503, "SlowDown", "unknown"},
		{500, "InternalError", "unknown"},
	} {
		p := newPlace(t, func(r *http.Request) *http.Response {
			if r.Method == http.MethodPut {
				return xmlError(tc.status, tc.code)
			}
			return nil
		})
		_, err := p.through.Buckets[0].Acquire(t.Context(), tflock.Path(p.path()), lockJSON(t, "x"))
		if got := meaning(err); got != tc.want {
			t.Errorf("%d %s: %q, want %q", tc.status, tc.code, got, tc.want)
		}
	}
}

// A lock is stored as the state is encrypted: a bucket policy may demand the header.
func TestALockIsEncryptedLikeItsState(t *testing.T) {
	var sent http.Header
	p := newPlace(t, func(r *http.Request) *http.Response {
		switch {
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "terraform.tfstate"):
			return &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader([]byte("{}"))), Header: http.Header{
				"Etag": {`"e"`}, "X-Amz-Server-Side-Encryption": {"aws:kms"},
				"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id":     {"arn:aws:kms:us-east-1:1:key/k"},
				"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": {"true"},
			}}
		case r.Method == http.MethodPut:
			sent = r.Header
			return &http.Response{StatusCode: 200, Header: http.Header{"Etag": {`"l"`}}, Body: http.NoBody}
		}
		return nil
	})
	state, err := p.through.Buckets[0].ReadState(t.Context(), tflock.Path(p.path()), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.through.Buckets[0].AcquireLike(t.Context(), tflock.Path(p.path()), lockJSON(t, "x"), state.Encryption); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-Amz-Server-Side-Encryption":                    "aws:kms",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id":     "arn:aws:kms:us-east-1:1:key/k",
		"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": "true",
	} {
		if sent.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, sent.Get(name), want)
		}
	}
}

func TestLockable(t *testing.T) {
	p := newPlace(t, func(*http.Request) *http.Response { return nil })
	b := p.plain.Buckets[0]
	if longest := strings.Repeat("k", 1024-len(tflock.Suffix)); !b.Lockable(tflock.NewPath(p.name, longest)) || b.Lockable(tflock.NewPath(p.name, longest+"k")) || b.Lockable("elsewhere/k") {
		t.Error("a lock object's key has at most 1,024 bytes")
	}
}

// The history of a state names its versions and markers in order, and no other key's.
func TestHistory(t *testing.T) {
	p := newPlace(t, func(*http.Request) *http.Response { return nil })
	b := p.plain.Buckets[0]
	write := func() string {
		id, err := b.WriteState(t.Context(), tflock.Path(p.path()), []byte(fmt.Sprint(time.Now())), backend.Encryption{})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	remove := func() string {
		s, err := b.ReadState(t.Context(), tflock.Path(p.path()), "")
		if err != nil {
			t.Fatal(err)
		}
		deleted, err := b.DeleteState(t.Context(), tflock.Path(p.path()), s.ETag)
		if err != nil {
			t.Fatal(err)
		}
		return deleted.Marker
	}
	put(t, p.name, "a/terraform.tfstate.tflock", "{}")
	want := []string{write(), remove(), write()}
	history, err := b.History(t.Context(), tflock.Path(p.path()), want[0])
	if err != nil || len(history) != 3 || !history[0].Latest || history[0].ID != want[2] || history[1].ID != want[1] || !history[1].Marker || history[2].ID != want[0] {
		t.Errorf("%+v, %v; want %q", history, err, want)
	}
	if history, err := b.History(t.Context(), tflock.Path(p.path()), want[2]); err != nil || len(history) != 1 {
		t.Errorf("back to the newest: %+v, %v", history, err)
	}
	if history, err := b.History(t.Context(), tflock.NewPath(p.name, "a/terraform"), "x"); err != nil || len(history) != 0 {
		t.Errorf("of a key without versions: %+v, %v", history, err)
	}
}

// Some stores answer without a tag set where there are no tags. There is no tag then, and no
// proxy in between.
func TestAMissingTagSetIsNoTag(t *testing.T) {
	p := newPlace(t, func(r *http.Request) *http.Response {
		if r.URL.Query().Has("tagging") {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></Tagging>`))}
		}
		return nil
	})
	put(t, p.name, "a/terraform.tfstate", "{}")
	if tagged, err := p.through.Buckets[0].Tagged(t.Context(), tflock.Path(p.path()), "lockwarden:keep"); tagged || err != nil {
		t.Errorf("%v, %v", tagged, err)
	}
}
