package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// The laws that the race, the model and the duels share can be broken: each is seen.
func TestHistorySeesWhatIsWrong(t *testing.T) {
	const (
		id    = `{"ID":"live","Who":"me@host"}`
		own   = `{"ID":"x","Who":"lockwarden-prune@lambda"}`
		state = `{"serial": 7, "lineage": "l", "resources": [{}]}`
		empty = `{"serial": 7, "lineage": "l", "resources": []}`
	)
	type request struct {
		lockwarden                 bool
		method, path, target, body string
	}
	object := func(lockwarden bool, method, key, body string) request {
		return request{lockwarden, method, "/b/" + key, "", body}
	}
	row := func(lockwarden bool, operation, attributes string) request {
		return request{lockwarden, http.MethodPost, "/", "DynamoDB_20120810." + operation, `{"TableName":"t",` + attributes + `}`}
	}
	put := func(lockwarden bool, key, body string) request { return object(lockwarden, http.MethodPut, key, body) }
	del := func(lockwarden bool, key string) request { return object(lockwarden, http.MethodDelete, key, "") }
	putLock, delLock := put(false, "k.tflock", id), del(false, "k.tflock")
	putRow := func(name string) request {
		return row(false, "PutItem", `"Item":{"LockID":{"S":"b/`+name+`"},"Info":{"S":"{\"ID\":\"live\"}"}}`)
	}
	digest := func(lockwarden bool, value string) request {
		return row(lockwarden, "PutItem", `"Item":{"LockID":{"S":"b/k-md5"},"Digest":{"S":"`+value+`"}}`)
	}
	delRow := func(lockwarden bool, name string) request {
		return row(lockwarden, "DeleteItem", `"Key":{"LockID":{"S":"b/`+name+`"}}`)
	}
	stuck := `Action=Publish&Message=` + url.QueryEscape(`{"default":"{\"version\":\"1\",\"type\":\"lock.resolved\",\"lock\":{\"id\":\"live\",\"path\":\"b/k\"}}"}`)
	pruned := `Action=Publish&Message=` + url.QueryEscape(`{"default":"{\"version\":\"1\",\"type\":\"prune.report\",\"states\":[{\"path\":\"b/k\",\"fate\":\"pruned\"}]}"}`)
	for name, tc := range map[string]struct {
		lockwarden party
		ended      bool          // the client is dead or done
		later      time.Duration // passes before the last request
		requests   []request
		want       string // empty: nothing is wrong
	}{
		"a client's run":                                                            {requests: []request{putLock, putRow("k"), put(false, "k", state), digest(false, local.MD5(state)), delLock, delRow(false, "k")}},
		"a lock's object goes that nobody named":                                    {requests: []request{putLock, del(true, "k.tflock")}, want: "nobody named"},
		"a lock's row goes that nobody named":                                       {requests: []request{putRow("k"), delRow(true, "k")}, want: "nobody named"},
		"a live lock goes by force":                                                 {lockwarden: party{releases: "live", forced: true}, requests: []request{putLock, del(true, "k.tflock")}, want: "lock of a live client released"},
		"a dead lock goes by force":                                                 {lockwarden: party{releases: "live", forced: true}, ended: true, requests: []request{putLock, del(true, "k.tflock")}},
		"a young lock goes without force":                                           {lockwarden: party{releases: "live"}, ended: true, later: releaseGuard - time.Second, requests: []request{putLock, delRow(true, "k"), del(true, "k.tflock")}, want: "without force that was held for 9m59s"},
		"an old lock goes without force":                                            {lockwarden: party{releases: "live"}, later: releaseGuard, requests: []request{putLock, del(true, "k.tflock")}},
		"a half that was taken again is young":                                      {lockwarden: party{releases: "live"}, later: time.Minute, requests: []request{putLock, delLock, putLock, del(true, "k.tflock")}, want: "held for 1m0s"},
		"a state goes under a lock":                                                 {requests: []request{putLock, put(false, "k", empty), del(true, "k")}, want: "under the lock of another"},
		"a state goes under a row with slashes that is new":                         {requests: []request{putRow("d//k"), put(false, "d/k", empty), del(true, "d/k")}},
		"a state goes under a row with slashes":                                     {lockwarden: party{began: 1}, requests: []request{putRow("d//k"), put(false, "d/k", empty), del(true, "d/k")}, want: "under the lock of another"},
		"a state is written under a row with slashes that came before our own lock": {lockwarden: party{looksAgain: true}, requests: []request{putRow("d//k"), put(true, "d/k.tflock", own), put(true, "d/k", empty)}, want: "under the lock of another"},
		"the same lock of another path goes":                                        {lockwarden: party{releases: "live", at: "b/other", forced: true}, ended: true, requests: []request{putLock, del(true, "k.tflock")}, want: "nobody named"},
		"a state is reported as pruned that was not":                                {requests: []request{{true, http.MethodPost, "/", "", pruned}}, want: "never deleted it"},
		"a state is written under a lock":                                           {requests: []request{putLock, put(true, "k", empty)}, want: "state written by Lockwarden under the lock of another"},
		"a state goes that is not empty":                                            {requests: []request{putLock, put(false, "k", state), delLock, del(true, "k")}, want: "not empty"},
		"a restore writes other bytes":                                              {requests: []request{putLock, put(false, "k", empty), delLock, del(true, "k"), put(true, "k", state)}, want: "state lost"},
		"a restore writes the same bytes":                                           {requests: []request{putLock, put(false, "k", empty), delLock, del(true, "k"), put(true, "k", empty)}},
		"a restore over a state":                                                    {requests: []request{putLock, put(false, "k", empty), delLock, put(true, "k", empty)}, want: "state lost"},
		"a state goes before its digest":                                            {requests: []request{putLock, put(false, "k", empty), digest(false, local.MD5(empty)), delLock, del(true, "k")}, want: "state unreadable"},
		"a digest of something else":                                                {requests: []request{putLock, put(false, "k", state), delLock, digest(true, "x")}, want: "state unreadable"},
		"a client writes without its lock":                                          {requests: []request{put(false, "k", state)}, want: "its lock was gone"},
		"a serial goes back":                                                        {requests: []request{putLock, put(false, "k", state), put(false, "k", strings.Replace(state, "7", "6", 1))}, want: "went back from 7 to 6"},
		"a lock is overwritten":                                                     {requests: []request{putLock, put(true, "k.tflock", own)}, want: "overwritten"},
		"a lock in another's name":                                                  {requests: []request{put(true, "k.tflock", id)}, want: "in another's name"},
		"our own lock goes":                                                         {requests: []request{put(true, "k.tflock", own), del(true, "k.tflock")}},
		"a client removes our lock":                                                 {requests: []request{put(true, "k.tflock", own), delLock}, want: "removed the lock of Lockwarden"},
		"a lock is called resolved":                                                 {lockwarden: party{began: 1}, requests: []request{putLock, {true, http.MethodPost, "/", "", stuck}}, want: "false resolved"},
		"a lock is called resolved that came since":                                 {requests: []request{putLock, {true, http.MethodPost, "/", "", stuck}}},
	} {
		t.Run(name, func(t *testing.T) {
			aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
			defer aws.Close()
			upstream, err := url.Parse(aws.URL)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			h := newHistory(func() time.Time { return now }, releaseGuard)
			h.ended["live"] = tc.ended
			all := &doors{upstream: upstream, bucket: "b", table: "t", history: h}
			tc.lockwarden.name, tc.lockwarden.lockwarden = "Lockwarden", true
			endpoints := map[bool]string{}
			for _, p := range []*party{&tc.lockwarden, {name: "client"}} {
				endpoint, stop, err := all.open(p, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer stop()
				endpoints[p.lockwarden] = endpoint
			}
			for i, r := range tc.requests {
				request, err := http.NewRequestWithContext(t.Context(), r.method, endpoints[r.lockwarden]+r.path, strings.NewReader(r.body))
				if err != nil {
					t.Fatal(err)
				}
				if i == len(tc.requests)-1 {
					now = now.Add(tc.later)
				}
				request.Header.Set("X-Amz-Target", r.target)
				request.Header.Set("X-Amz-Server-Side-Encryption", "AES256")
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

// A client with a wrong clock says so in its lock, in an object and in a row, and nothing
// else of the request changes.
func TestShifted(t *testing.T) {
	for text, want := range map[string]string{
		`{"ID":"x","Created":"2026-11-23T07:06:04.85961561Z","Path":"b/k"}`:               `{"ID":"x","Created":"2026-11-23T05:06:04.85961561Z","Path":"b/k"}`,
		`{"Item":{"Info":{"S":"{\"ID\":\"x\",\"Created\":\"2026-11-23T01:06:04.5Z\"}"}}}`: `{"Item":{"Info":{"S":"{\"ID\":\"x\",\"Created\":\"2026-11-22T23:06:04.5Z\"}"}}}`,
		`{"Created":"2026-11-23T07:06:04Z"}`:                                              `{"Created":"2026-11-23T05:06:04Z"}`,
		`{"serial":1}`:                                                                    `{"serial":1}`,
	} {
		if got := string(shifted([]byte(text), -2*time.Hour)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
