package backend_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// reply answers a request in place of the server, or gives nil and lets it through.
type reply func(*http.Request) *http.Response

// s3Says answers a request of this method with an error, and lets the others through.
func s3Says(method string, status int, code string) reply {
	return func(r *http.Request) *http.Response {
		if r.Method != method || r.Header.Get("X-Amz-Target") != "" {
			return nil
		}
		return xmlError(status, code)
	}
}

// dynamoDBSays answers this call with an error, and lets the others through.
func dynamoDBSays(call, code string) reply {
	return func(r *http.Request) *http.Response {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+call) {
			return nil
		}
		return jsonError(code)
	}
}

// A conditional call is refused because of what is there. What is there decides what the
// refusal means, and when it cannot be read nobody knows.
func TestARefusalIsLookedAt(t *testing.T) {
	for _, tc := range []struct {
		name            string
		refuse          reply
		failLook        reply
		prepare         func(p place, s backend.Set) tflock.Holding
		call            func(p place, s backend.Set, h tflock.Holding) error
		looked, unknown string // what it comes to when the look works, and when it fails
	}{
		{
			name:     "a lock object, 409, nothing there",
			refuse:   s3Says("PUT", 409, "ConditionalRequestConflict"),
			failLook: s3Says("GET", 503, "SlowDown"),
			call: func(p place, s backend.Set, _ tflock.Holding) error {
				_, err := s.Buckets[0].Acquire(p.Context(), tflock.Path(p.path()), lockJSON(p.T, "x"))
				return err
			},
			looked: "unknown", unknown: "unknown",
		},
		{
			name:     "a lock object, 412 for ever, nothing there",
			refuse:   s3Says("PUT", 412, "PreconditionFailed"),
			failLook: s3Says("GET", 403, "AccessDenied"),
			call: func(p place, s backend.Set, _ tflock.Holding) error {
				_, err := s.Buckets[0].Acquire(p.Context(), tflock.Path(p.path()), lockJSON(p.T, "x"))
				return err
			},
			looked: "refused", unknown: "unknown",
		},
		{
			name:     "a lock row, the condition fails without the item",
			refuse:   dynamoDBSays("PutItem", "ConditionalCheckFailedException"),
			failLook: dynamoDBSays("GetItem", "AccessDeniedException"),
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
			name:     "the release of an object, 409, another lock there",
			refuse:   s3Says("DELETE", 409, "ConditionalRequestConflict"),
			failLook: s3Says("GET", 500, "InternalError"),
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
			name:     "the release of a row, the condition fails without the item",
			refuse:   dynamoDBSays("DeleteItem", "ConditionalCheckFailedException"),
			failLook: dynamoDBSays("GetItem", "InternalServerError"),
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
			name:     "a digest, the condition fails without the item",
			refuse:   dynamoDBSays("DeleteItem", "ConditionalCheckFailedException"),
			failLook: dynamoDBSays("GetItem", "ThrottlingException"),
			prepare:  func(p place, _ backend.Set) tflock.Holding { p.digest("new"); return tflock.Holding{} },
			call: func(p place, s backend.Set, _ tflock.Holding) error {
				return s.Tables[0].DeleteDigest(p.Context(), tflock.Path(p.path()), "old")
			},
			looked: "changed", unknown: "unknown",
		},
		{
			name:     "the delete of a state, 412, another state there",
			refuse:   s3Says("DELETE", 412, "PreconditionFailed"),
			failLook: s3Says("HEAD", 403, ""),
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
			name:     "the write of a state, 409, another state there",
			refuse:   s3Says("PUT", 409, "ConditionalRequestConflict"),
			failLook: s3Says("GET", 503, "ServiceUnavailable"),
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
