package local_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
)

// DynamoDB and S3 look at a condition and write in one step. Python may switch threads
// between the two.
func TestOfManyClientsThatTakeALockAtOnceOneGetsIt(t *testing.T) {
	const locks, clients = 30, 8
	server := local.StartForTest(t)
	if err := server.Hurry(10 * time.Microsecond); err != nil {
		t.Fatal(err)
	}
	place, err := server.MakePlace(t.Context(), "once")
	if err != nil {
		t.Fatal(err)
	}
	set, err := backend.Open(server.Config(), []string{place.TableARN}, []string{place.BucketARN})
	if err != nil {
		t.Fatal(err)
	}
	for _, store := range []backend.Store{set.Tables[0], set.Buckets[0]} {
		for i := range locks {
			var taken atomic.Int32
			var all sync.WaitGroup
			for client := range clients {
				all.Go(func() {
					if local.TakeLock(t.Context(), place.Path(fmt.Sprint(i)), fmt.Sprint("client-", client), store) == nil {
						taken.Add(1)
					}
				})
			}
			all.Wait()
			if got := taken.Load(); got != 1 {
				t.Errorf("%T: %d clients have lock %d", store, got, i)
			}
		}
	}
}
