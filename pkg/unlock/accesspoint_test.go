package unlock_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A client that has the alias of an access point as `bucket` has its row under that name, and writes the state into the bucket behind
// it, which is watched: an apply that wrote it a moment ago is alive.
func TestAnApplyThroughAnAccessPointIsAlive(t *testing.T) {
	for _, bucket := range []string{"", "team-ap-abcdefghijklmnopqrstuvwxyz-s3alias", "arn:aws:s3:eu-central-1:123456789012:accesspoint/team"} {
		t.Run(bucket, func(t *testing.T) {
			w := newWorld(t)
			path := w.Path("k")
			if bucket != "" {
				path = tflock.Path(bucket + "/k")
			}
			if err := local.TakeLock(t.Context(), path, "live", w.Set.Tables[0]); err != nil {
				t.Fatal(err)
			}
			w.scan()
			w.ahead = 12 * time.Minute
			w.Put("k", []byte("{}"))
			if err := server.Age(w.Bucket, "k", -12*time.Minute); err != nil { // written now, by the function's clock
				t.Fatal(err)
			}
			a, err := w.run(&local.Wire{}, request(w, "live", fmt.Sprintf(`,"path":%q`, path)))
			if err != nil || a.Outcome != unlock.Refused {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}

// Which bucket is behind an access point is not known: an old state of that key in a watched one does not show that its own was not written.
func TestTheStateBehindAnAccessPointIsNotKnown(t *testing.T) {
	w := newWorld(t)
	w.Put("k", []byte("{}"))
	path := tflock.Path("team-ap-abcdefghijklmnopqrstuvwxyz-s3alias/k")
	if err := local.TakeLock(t.Context(), path, "dead", w.Set.Tables[0]); err != nil {
		t.Fatal(err)
	}
	w.scan()
	w.ahead = 12 * time.Minute
	a, err := w.run(&local.Wire{}, request(w, "dead", fmt.Sprintf(`,"path":%q,"dry_run":true`, path)))
	if err != nil || a.Outcome != unlock.WouldRelease || !strings.Contains(a.Message, "may be one that is not watched") {
		t.Errorf("%+v, %v", a, err)
	}
}
