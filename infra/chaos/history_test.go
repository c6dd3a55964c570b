package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The laws of the races can be broken: each of these is seen.
func TestHistorySeesWhatIsWrong(t *testing.T) {
	const id, state = `{"ID":"live","Who":"me@host"}`, `{"serial": 7, "lineage": "l", "resources": [{}]}`
	row := func(operation, attributes string) (method, path, target, body string) {
		return http.MethodPost, "/", "DynamoDB_20120810." + operation, `{"TableName":"t",` + attributes + `}`
	}
	type request struct {
		lockwarden                 bool
		method, path, target, body string
	}
	object := func(lockwarden bool, method, key, body string) request {
		return request{lockwarden, method, "/b/" + key, "", body}
	}
	item := func(lockwarden bool, operation, attributes string) request {
		method, path, target, body := row(operation, attributes)
		return request{lockwarden, method, path, target, body}
	}
	lock := object(false, http.MethodPut, "k.tflock", id)
	for name, tc := range map[string]struct {
		requests []request
		want     string // empty: nothing is wrong
	}{
		"a client's run": {[]request{
			lock, item(false, "PutItem", `"Item":{"LockID":{"S":"b/k"},"Info":{"S":"{\"ID\":\"live\"}"}}`), object(false, http.MethodPut, "k", state),
			item(false, "PutItem", `"Item":{"LockID":{"S":"b/k-md5"},"Digest":{"S":"x"}}`),
			object(false, http.MethodDelete, "k.tflock", ""), item(false, "DeleteItem", `"Key":{"LockID":{"S":"b/k"}}`),
		}, ""},
		"a live lock's object goes": {[]request{lock, object(true, http.MethodDelete, "k.tflock", "")}, "lock of a live client released"},
		"a live lock's row goes": {[]request{
			item(false, "PutItem", `"Item":{"LockID":{"S":"b/k"},"Info":{"S":"{\"ID\":\"live\"}"}}`), item(true, "DeleteItem", `"Key":{"LockID":{"S":"b/k"}}`),
		}, "lock of a live client released"},
		"a state goes under a lock":        {[]request{lock, object(false, http.MethodPut, "k", strings.Replace(state, "{}", "", 1)), object(true, http.MethodDelete, "k", "")}, "under the lock live"},
		"a state goes that is not empty":   {[]request{lock, object(false, http.MethodPut, "k", state), object(false, http.MethodDelete, "k.tflock", ""), object(true, http.MethodDelete, "k", "")}, "not empty"},
		"a client writes without its lock": {[]request{object(false, http.MethodPut, "k", state)}, "its lock was gone"},
		"a serial goes back":               {[]request{lock, object(false, http.MethodPut, "k", state), object(false, http.MethodPut, "k", strings.Replace(state, "7", "6", 1))}, "went back from 7 to 6"},
		"a lock is overwritten":            {[]request{lock, object(true, http.MethodPut, "k.tflock", `{"ID":"x","Who":"lockwarden-prune@lambda"}`)}, "overwritten"},
		"our own lock goes":                {[]request{object(true, http.MethodPut, "k.tflock", `{"ID":"x","Who":"lockwarden-prune@lambda"}`), object(true, http.MethodDelete, "k.tflock", "")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
			defer aws.Close()
			h := newHistory("b", "t")
			doors := map[bool]string{}
			for _, lockwarden := range []bool{true, false} {
				endpoint, stop, err := h.door(aws.URL, lockwarden)
				if err != nil {
					t.Fatal(err)
				}
				defer stop()
				doors[lockwarden] = endpoint
			}
			for _, r := range tc.requests {
				request, err := http.NewRequestWithContext(t.Context(), r.method, doors[r.lockwarden]+r.path, strings.NewReader(r.body))
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("X-Amz-Target", r.target)
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
			got := strings.Join(h.broken, "; ")
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}
