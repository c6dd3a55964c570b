//go:build !race

package scan_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// afterReads does something once so many objects under teams/ were read.
type afterReads struct {
	left int64
	then func()
}

func (a *afterReads) Do(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/teams/") && atomic.AddInt64(&a.left, -1) == 0 {
		a.then()
	}
	return http.DefaultClient.Do(r)
}

// Whoever may write under one prefix writes more lock objects there than a scan can read in its
// time. The locks under all other prefixes are seen, wherever they sort, and only what is
// under that prefix counts as not read.
func TestLockObjectsUnderOnePrefixDoNotHideOthers(t *testing.T) {
	for name, outside := range map[string]bool{"in S3": false, "in a store whose listings are not trusted": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lockObjectsUnderOnePrefix(t, outside)
		})
	}
}

func lockObjectsUnderOnePrefix(t *testing.T, outside bool) {
	t.Helper()
	taken := time.Now().Add(-time.Hour)
	bucket := &scale.Bucket{Name: "states", Crowd: scale.Crowd{States: 60_000, Locks: 60_000, Taken: taken}} // under teams/
	others := []string{"production/a.tfstate", "zoo/z.tfstate", "root.tfstate", "teams0"}
	for _, key := range others {
		bucket.Put(key+tflock.Suffix, victim, taken)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	timeIsUp := &afterReads{left: 2_500, then: cancel} // a thousand of one team there, and of another
	set := openBehind(t, &scale.World{Buckets: map[string]*scale.Bucket{"states": bucket}}, timeIsUp, scale.BucketARN("states"))
	if outside {
		set.Distrust()
	}
	found := scan.New(set, rules, time.Now).Read(ctx)
	for _, key := range others {
		if path := tflock.NewPath("states", key); !sees(found, path) || found.Unread(path, scale.BucketARN("states")) {
			t.Errorf("%s: seen %v, not read %v", key, sees(found, path), found.Unread(path, scale.BucketARN("states")))
		}
	}
	said := strings.Join(found.Errors(), "\n")
	if found.Complete() || found.Failed(scale.BucketARN("states")) || !found.Unread("states/teams/x", scale.BucketARN("states")) || !strings.Contains(said, "under states/teams/ are more locks than one scan can read") {
		t.Errorf("complete %v; it says %s", found.Complete(), said)
	}
	found.Judge(ledger.Memory{}, 1000)
	if n := found.Len(); n < 1000+len(others) {
		t.Errorf("%d locks", n)
	}
}

// A prefix with more lock objects than are read at once, and time enough: all are read, each once.
func TestAPrefixWithManyLockObjectsIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	taken := time.Now().Add(-time.Hour)
	bucket := &scale.Bucket{Name: "states", Crowd: scale.Crowd{States: 3_000, Locks: 2_200, Taken: taken}}
	for i := range 1_100 {
		bucket.Put(fmt.Sprintf("zoo/%04d%s", i, tflock.Suffix), victim, taken)
	}
	set := open(t, &scale.World{Buckets: map[string]*scale.Bucket{"states": bucket}}, nil, []string{scale.BucketARN("states")})
	found := scan.New(set, rules, time.Now).Read(t.Context())
	found.Judge(ledger.Memory{}, 1000)
	if n := found.Len(); n != 2_200+1_100 || !found.Complete() {
		t.Errorf("%d locks; %v", n, found.Errors())
	}
	for c := range found.Locks() {
		if len(c.Holdings) != 1 {
			t.Fatalf("%s was read %d times", c.Path, len(c.Holdings))
		}
	}
}

// More rows under one prefix than a function has memory for: it keeps what it can of them, and
// everything of others, in the same table and elsewhere.
func TestRowsUnderOnePrefixTakeNoMemoryFromOthers(t *testing.T) {
	t.Parallel()
	taken := time.Now().Add(-time.Hour)
	const most = 3_000
	table := scale.LockTable("locks", scale.Crowd{States: 4_000, Locks: 4_000, Taken: taken})
	bucket := &scale.Bucket{Name: "b"}
	bucket.Put("zoo/z.tfstate"+tflock.Suffix, victim, taken)
	set := open(t, &scale.World{Tables: map[string]*scale.Table{"locks": table}, Buckets: map[string]*scale.Bucket{"b": bucket}}, []string{scale.TableARN("locks")}, []string{scale.BucketARN("b")})
	if _, err := set.Tables[0].Acquire(t.Context(), "b/zoo/z.tfstate", []byte(victim)); err != nil {
		t.Fatal(err)
	}
	scanner := scan.New(set, rules, time.Now)
	scanner.SetLimit(most)
	found := scanner.Read(t.Context())
	locks := found.On("b/zoo/z.tfstate")
	if len(locks) != 1 || len(locks[0].Holdings) != 2 || found.Unread("b/zoo/z.tfstate", scale.TableARN("locks")) {
		t.Errorf("the other lock: %+v", locks)
	}
	found.Judge(ledger.Memory{}, 1000)
	said := strings.Join(found.Errors(), "\n")
	if n := found.Len(); n > most || n < most/2 || found.Complete() || !strings.Contains(said, "are more locks than one scan can read") {
		t.Errorf("%d locks; complete %v; it says %s", n, found.Complete(), said)
	}
}

// Rows as large as what a scan keeps of a row can be: the room is one of bytes.
func TestRowsWithLongNamesTakeNoMemoryFromOthers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1_800)
	weight := 0
	found := scan.Crowd(scan.MaxKept, func(yield func(store, path string) bool) {
		for i := range 50_000 {
			if weight += len(long); !yield("arn:a", fmt.Sprintf("b/flood/%05d%s", i, long)) {
				return
			}
		}
		yield("arn:a", "b/production/k")
	})
	if n := found.Len(); n*len(long) > 50<<20 || n < 5_000 || found.Unread("b/production/k", "arn:a") || !found.Unread("b/flood/k", "arn:a") || !found.Has("b/production/k") {
		t.Errorf("%d of %d MB kept; %v", n*len(long)>>20, weight>>20, found.Problems())
	}
}

// Locks under so many prefixes that none is large: what was not kept is said of each store.
func TestMoreLocksThanAScanKeeps(t *testing.T) {
	t.Parallel()
	found := scan.Crowd(10_000, func(yield func(store, path string) bool) {
		for i := range 12_000 {
			store := "arn:a"
			if i >= 6_000 {
				store = "arn:b"
			}
			if !yield(store, fmt.Sprintf("b/p%05d/k", i)) {
				return
			}
		}
	})
	if found.Len() != 10_000 || found.Failed("arn:a") || !found.Failed("arn:b") || !strings.Contains(strings.Join(found.Problems(), "\n"), "more locks in all than one scan can keep") {
		t.Errorf("%d kept; %v", found.Len(), found.Problems())
	}
}

// Short rows are many before they are much: one prefix has half of the places.
func TestManyShortRowsUnderOnePrefix(t *testing.T) {
	t.Parallel()
	const most = 1_000
	found := scan.Crowd(most, func(yield func(store, path string) bool) {
		for i := range 900 {
			if !yield("arn:a", fmt.Sprintf("b/flood/%05d", i)) {
				return
			}
		}
		for i := range 400 {
			if !yield("arn:a", fmt.Sprintf("b/production/%05d", i)) {
				return
			}
		}
		for i := range 10 {
			if !yield("arn:a", fmt.Sprintf("b/flood/again-%05d", i)) {
				return
			}
		}
	})
	if found.Len() != 900 || !found.Unread("b/flood/k", "arn:a") || found.Unread("b/production/k", "arn:a") || !found.Has("b/production/00399") || found.Failed("arn:a") {
		t.Errorf("%d kept; %v", found.Len(), found.Problems())
	}
}
