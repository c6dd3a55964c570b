package unlock_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// global is a global table of DynamoDB (2019.11.21, eventual consistency): conditions are
// evaluated in one replica, writes come to the others later, and of two writes to a row the later one wins.
type global struct {
	aws.HTTPClient
	table  string
	before func(region, call string)

	mu     sync.Mutex
	writes map[string]json.RawMessage // the last one by row; nil: deleted
	calls  []string
}

func (g *global) Do(r *http.Request) (*http.Response, error) {
	_, call, isTable := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !isTable {
		return g.HTTPClient.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	region := strings.Split(strings.SplitN(r.Header.Get("Authorization"), "Credential=", 2)[1], "/")[2]
	var in struct {
		TableName string
		Key       struct{ LockID struct{ S string } }
		Item      map[string]struct{ S string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	isLockTable := strings.HasSuffix(in.TableName, g.table)
	writes := isLockTable && (call == "PutItem" || call == "DeleteItem")
	if isLockTable && g.before != nil {
		g.before(region, call)
	}
	response, err := g.HTTPClient.Do(r)
	if err == nil && writes && response.StatusCode == http.StatusOK {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.calls = append(g.calls, region+" "+call)
		row, item := in.Key.LockID.S, json.RawMessage(nil)
		if call == "PutItem" {
			row = in.Item["LockID"].S
			item, _ = json.Marshal(in.Item)
		}
		g.writes[row] = item
	}
	return response, err
}

// replicate brings what was written last to every replica.
func (g *global) replicate(t *testing.T, replicas ...backend.Store) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for row, item := range g.writes {
		for _, s := range replicas {
			h, there, err := s.Find(context.Background(), tflock.Path(row))
			if err != nil {
				t.Fatal(err)
			}
			if there {
				if err := s.Release(context.Background(), h); err != nil {
					t.Fatal(err)
				}
			}
			if item != nil {
				var attributes map[string]struct{ S string }
				if err := json.Unmarshal(item, &attributes); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Acquire(context.Background(), tflock.Path(row), []byte(attributes["Info"].S)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// Where a lock table is a global table and both replicas are watched, a client that waits takes the row in
// one of them while the other still has the old one.
func TestALockThatIsTakenInOneReplicaSurvives(t *testing.T) {
	w := newWorld(t)
	far := "us-east-1"
	if far == local.Region {
		far = "eu-west-1"
	}
	farARN, err := server.In(far).MakeTable(t.Context(), w.Table, "LockID")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := backend.Open(server.Config(), []string{w.TableARN, farARN}, []string{w.BucketARN})
	if err != nil {
		t.Fatal(err)
	}
	g := &global{HTTPClient: server.Config().HTTPClient, table: w.Table, writes: map[string]json.RawMessage{}}
	if g.HTTPClient == nil {
		g.HTTPClient = http.DefaultClient
	}
	cfg := server.Config()
	cfg.HTTPClient = g
	set, err := backend.Open(cfg, []string{w.TableARN, farARN}, []string{w.BucketARN})
	if err != nil {
		t.Fatal(err)
	}
	near := set.Tables[0]
	if err := local.TakeLock(t.Context(), w.Path("k"), "dead", near); err != nil {
		t.Fatal(err)
	}
	g.replicate(t, plain.Tables[0], plain.Tables[1])

	u := w.newUnlocker(server.Config(), plain, 30*time.Minute, time.Now)
	if _, err := w.newMonitor(u).Run(t.Context()); err != nil {
		t.Fatal(err)
	}

	// A client waits with -lock-timeout: it gets the lock as soon as the row is gone where it looks, before
	// the other replica knows.
	taken := false
	g.before = func(region, call string) {
		if region != far || taken || !slices.Contains(g.calls, local.Region+" DeleteItem") {
			return
		}
		taken = true
		if err := local.TakeLock(t.Context(), w.Path("k"), "live", near); err != nil {
			t.Error(err)
		}
	}
	u = w.newUnlocker(cfg, set, 30*time.Minute, func() time.Time { return time.Now().Add(time.Hour) })
	u.ReplicaTime = 100 * time.Millisecond
	a, err := u.Run(t.Context(), request(w, "dead", ""), "request")
	if err != nil || a.Outcome != unlock.Partial {
		t.Errorf("the other replica has the row still: %+v, %v", a, err)
	}
	g.before = nil
	if a, err = u.Run(t.Context(), request(w, "dead", ""), "request"); err == nil || !strings.Contains(err.Error(), "wait some minutes") {
		t.Errorf("repeated while the other replica has the row: %+v, %v", a, err)
	}
	g.replicate(t, plain.Tables[0], plain.Tables[1])
	for _, s := range plain.Tables {
		h, there, err := s.Find(t.Context(), w.Path("k"))
		if err != nil || !there || h.Info.ID != "live" {
			t.Errorf("%s: the lock that a client took meanwhile is gone (%v %q, %v)", s.ARN(), there, h.Info.ID, err)
		}
	}
	if a, err := u.Run(t.Context(), request(w, "dead", ""), "request"); err != nil || a.Outcome == unlock.Released {
		t.Errorf("repeated: %+v, %v", a, err)
	}
}
