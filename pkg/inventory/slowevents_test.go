//go:build !race

package inventory_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// largeEvents is a distant AWS in which a page of S3's events takes a second: ten times as long as a megabyte of them takes a function that
// has its share of a CPU, so that a tenth of the paths is enough.
type largeEvents struct{ distant }

func (l largeEvents) Do(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".Query") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if r.Body = io.NopCloser(bytes.NewReader(body)); bytes.Contains(body, []byte(`"object-event"`)) && inventory.Sleep(r.Context(), time.Second) != nil {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
	}
	return l.distant.Do(r)
}

// Whoever makes and deletes lock objects all day, on states whose locks one scan alone saw, takes no time from what an inventory looks
// for after it has read how states are locked.
func TestManyEventsOfLocksTakeNoTimeFromOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := scale.Stock(0, 0)
		world.Tables["ledger"] = scale.Ledger("ledger")
		cfg := scale.Config(largeEvents{distant{scale.Direct{World: world}}})
		a := slowStates{accountOver(t, world, cfg)}
		a.inventory.Wait, a.inventory.History = inventory.Sleep, ledger.NewHistory(dynamodb.NewFromConfig(cfg), "ledger")
		began := time.Now()
		for i := range 50 {
			key := fmt.Sprintf("team-a/%d.tfstate", i)
			a.put(key, key)
			a.lockedOnce(key, ledger.Past{Kinds: []tflock.Kind{tflock.S3}, FirstSeen: began, HeldSince: began, Settled: true})
			a.lockedOnce(key, ledger.Past{Kinds: []tflock.Kind{tflock.DynamoDB}, FirstSeen: began.Add(time.Hour), HeldSince: began.Add(time.Hour)})
			for n := range 2001 {
				a.created(key, n, began.Add(2*time.Hour+time.Duration(n)*time.Second))
			}
		}
		time.Sleep(24 * time.Hour)
		a.put("team-a/huge/x.tfstate", "team-a")
		a.wrongDigest("team-b/x.tfstate")
		a.finds(policy.FindingDigestOrphan, "team-b/x.tfstate")
	})
}

// lockedOnce puts a lock that has ended into the history.
func (a slowStates) lockedOnce(key string, p ledger.Past) {
	a.Helper()
	body, err := json.Marshal(p)
	if err != nil {
		a.Fatal(err)
	}
	id := fmt.Sprintf("%s#%s", p.FirstSeen.UTC().Format(time.RFC3339), key)
	a.world.Tables["ledger"].Put(scale.Item{"kind": {"S": "past"}, "id": {"S": id}, "path": {"S": "states/" + key}, "lock_id": {"S": id}, "body": {"S": string(body)}})
}

// created puts S3's event of a lock object beside a state into the ledger.
func (a slowStates) created(key string, n int, at time.Time) {
	a.Helper()
	sum := sha256.Sum256([]byte("states/" + key))
	id := fmt.Sprintf("%s#%016X.c", hex.EncodeToString(sum[:]), n+1)
	body := fmt.Sprintf(`{"principal":"p","at":%q,"lock_id":"%d"}`, at.UTC().Format(time.RFC3339), n)
	a.world.Tables["ledger"].Put(scale.Item{"kind": {"S": "object-event"}, "id": {"S": id}, "path": {"S": "states/" + key}, "body": {"S": body}})
}
