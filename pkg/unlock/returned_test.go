package unlock_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A scan saw that a lock was gone, and could not notify people of it. A client that waited for its own row has taken it again since: its
// age counts from the scan that saw it again, and nothing proves one before that.
func TestALockThatIsBackSinceAScanSawItGone(t *testing.T) {
	for name, tc := range map[string]struct{ down, unseen bool }{
		"people were notified": {}, "nobody could be notified": {down: true},
		"people were notified, and no scan since": {unseen: true}, "nobody could be notified, and no scan since": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			down := tc.down
			w := newWorld(t)
			table := w.Set.Tables[0]
			w.Lock("k", "waiting", table)
			row, _, err := table.Find(t.Context(), w.Path("k"))
			if err != nil {
				t.Fatal(err)
			}
			w.scan()
			w.scanAfter(35 * time.Minute)                           // it is stuck, and people are notified
			if err := table.Release(t.Context(), row); err != nil { // by hand
				t.Fatal(err)
			}
			u := w.newUnlocker(server.Config(), w.oneTable(), 30*time.Minute, func() time.Time { return time.Now().Add(40 * time.Minute) })
			if down {
				u.Topic = alert.NewTopic(sns.NewFromConfig(server.ConfigOver(&local.Wire{Refuse: func(call string) bool { return call == "POST" }})), w.Topic)
			}
			if _, err := w.newMonitor(u).Run(t.Context()); (err != nil) != down {
				t.Fatal(err)
			}
			if _, err := table.Acquire(t.Context(), w.Path("k"), []byte(row.Raw)); err != nil {
				t.Fatal(err)
			}
			if !tc.unseen {
				w.scanAfter(45 * time.Minute)
			}
			w.ahead = 46 * time.Minute
			a, err := w.run(&local.Wire{}, request(w, "waiting", ""))
			if err != nil || a.Outcome != unlock.Refused {
				t.Errorf("a run of a minute: %+v, %v", a, err)
			}
		})
	}
}
