package scan_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// slowly answers from a world, and takes its time over objects under a prefix.
type slowly struct {
	scale.Direct
	prefix string
	takes  time.Duration
	reads  atomic.Int64 // of those objects
}

func (s *slowly) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && strings.Contains(r.URL.Path, s.prefix) {
		s.reads.Add(1)
		select {
		case <-time.After(s.takes):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return s.Direct.Do(r)
}

// inProcess returns the stores of a world without a server.
func inProcess(t *testing.T, client aws.HTTPClient, tables, buckets []string) backend.Set {
	t.Helper()
	set, err := backend.Open(scale.Config(client), tables, buckets)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// invocation is the context of a function that may run for five minutes.
func invocation(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), 5*time.Minute)
}

// Whoever may write under one prefix has objects there that S3 gives slowly, as those under a key of
// their own whose store answers late: one after the other they would take the whole time of a scan.
func TestSlowLockObjectsUnderOnePrefixDoNotHideOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		taken := time.Now().Add(-time.Hour)
		bucket := &scale.Bucket{Name: "states"}
		for i := range 900 {
			bucket.Put(fmt.Sprintf("a-team/%03d%s", i, tflock.Suffix), victim, taken)
		}
		bucket.Put("production/a.tfstate"+tflock.Suffix, victim, taken)
		arn := scale.BucketARN("states")
		client := &slowly{Direct: scale.Direct{World: &scale.World{Buckets: map[string]*scale.Bucket{"states": bucket}}}, prefix: "/a-team/", takes: 6 * time.Second}
		ctx, cancel := invocation(t)
		defer cancel()
		found := scan.New(inProcess(t, client, nil, []string{arn}), rules, time.Now).Read(ctx)
		if path := tflock.Path("states/production/a.tfstate"); !sees(found, path) || found.Unread(path, arn) {
			t.Errorf("production's lock: seen %v, not read %v: %v", sees(found, path), found.Unread(path, arn), found.Errors())
		}
		if !found.Unread("states/a-team/x", arn) || !strings.Contains(strings.Join(found.Errors(), "\n"), "under states/a-team/ ") {
			t.Errorf("it does not say which prefix: %v", found.Errors())
		}
	})
}

// Objects of up to 400 KB are slow to read and to parse, and no client writes one: they come after all
// others, and only a hundred of a prefix are read.
func TestLargeLockObjectsUnderOnePrefixComeLast(t *testing.T) {
	t.Parallel()
	taken := time.Now().Add(-time.Hour)
	bucket := &scale.Bucket{Name: "states"}
	const large = 1_500
	body := `{"ID":"x","junk":"` + strings.Repeat("x", tflock.UsualSize) + `"}`
	for i := range large {
		bucket.Put(fmt.Sprintf("a-team/%04d%s", i, tflock.Suffix), body, taken)
	}
	bucket.Put("production/a.tfstate"+tflock.Suffix, victim, taken)
	bucket.Put("production/long.tfstate"+tflock.Suffix, `{"ID":"`+strings.Repeat("y", 390_000)+`"}`, taken) // whose lock can be released
	client := &slowly{Direct: scale.Direct{World: &scale.World{Buckets: map[string]*scale.Bucket{"states": bucket}}}, prefix: "/a-team/"}
	found := scan.New(inProcess(t, client, nil, []string{scale.BucketARN("states")}), rules, time.Now).Read(t.Context())
	found.Judge(ledger.Memory{}, 1)
	if found.Len() != large+2 || !found.Complete() || found.Figures.Unreadable != large-100 {
		t.Errorf("%d locks, %+v: %v", found.Len(), found.Figures, found.Errors())
	}
	if !sees(found, "states/production/a.tfstate") || !sees(found, "states/production/long.tfstate") {
		t.Error("a lock of production was not read")
	}
	if n := client.reads.Load(); n > 100 {
		t.Errorf("%d of those objects were read", n)
	}
}

// The same in a table. What is not read of a row may be any lock, so that nothing on its path counts as gone.
func TestLargeRowsUnderOnePrefix(t *testing.T) {
	t.Parallel()
	const large = 300
	table := scale.LockTable("locks", scale.Crowd{})
	body := `{"ID":"x","junk":"` + strings.Repeat("x", tflock.UsualSize) + `"}`
	for i := range large {
		table.Put(scale.Item{"LockID": {"S": fmt.Sprintf("b/a-team/%04d", i)}, "Info": {"S": body}})
	}
	table.Put(scale.Lock("b/production/a", "1", time.Now().Add(-time.Hour)))
	table.Put(scale.Item{"LockID": {"S": "b/production/long"}, "Info": {"S": `{"ID":"` + strings.Repeat("y", 390_000) + `"}`}})
	client := scale.Direct{World: &scale.World{Tables: map[string]*scale.Table{"locks": table}}}
	arn := scale.TableARN("locks")
	found := scan.New(inProcess(t, client, []string{arn}, nil), rules, time.Now).Read(t.Context())
	found.Judge(ledger.Memory{}, 1)
	if found.Len() != large+2 || found.Figures.Unreadable != large-100 || !sees(found, "b/production/a") || !sees(found, "b/production/long") {
		t.Errorf("%d locks, %+v: %v", found.Len(), found.Figures, found.Errors())
	}
	for i := range large {
		path := tflock.Path(fmt.Sprintf("b/a-team/%04d", i))
		if sees(found, path) == (found.Unknown(path, arn) != "") {
			t.Fatalf("%s: read %v, %q", path, sees(found, path), found.Unknown(path, arn))
		}
	}
}

// A state that was written while the scan read the locks of another prefix: what the listing showed of it
// before is no evidence any more.
func TestTimesOfAListingAreAsOldAsTheirPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		taken := began.Add(-time.Hour)
		bucket := &scale.Bucket{Name: "states"}
		for i := range 1_500 {
			bucket.Put(fmt.Sprintf("a-team/%04d%s", i, tflock.Suffix), victim, taken)
		}
		bucket.Put("production/a.tfstate", "{}", taken)
		bucket.Put("production/a.tfstate"+tflock.Suffix, victim, taken)
		w := &scale.World{Buckets: map[string]*scale.Bucket{"states": bucket}}
		client := &slowly{Direct: scale.Direct{World: w}, prefix: "/a-team/", takes: 200 * time.Millisecond}
		set := inProcess(t, client, nil, []string{scale.BucketARN("states")})
		ctx, cancel := invocation(t)
		defer cancel()
		go func() {
			time.Sleep(15 * time.Second)
			put := httptest.NewRequest(http.MethodPut, "/states/production/a.tfstate", strings.NewReader(`{"serial":2}`))
			put.Header.Set("Authorization", "Credential=local/20261128/"+scale.Region+"/s3/aws4_request")
			answer := httptest.NewRecorder()
			if w.ServeHTTP(answer, put); answer.Code != http.StatusOK {
				t.Errorf("%d %s", answer.Code, answer.Body)
			}
		}()
		found := scan.New(set, rules, time.Now).Read(ctx)
		if took := time.Since(began); took < 16*time.Second || !found.Complete() {
			t.Fatalf("read in %s: %v", took, found.Errors())
		}
		found.Judge(ledger.Memory{}, 2_000)
		found.AddStates(ctx, found.Worst)
		for _, c := range found.Worst {
			if c.Path == "states/production/a.tfstate" && !c.State.Written.After(taken) {
				t.Errorf("written %s ago, %q", time.Since(c.State.Written), c.State.Problem)
			}
		}
	})
}
