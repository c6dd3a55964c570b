package unlock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A client that names the bucket by an access point and locks by lockfile alone has its lock in the bucket, and shows the path that it knows.
func TestTheErrorOfAClientBehindAnAccessPointNamesItsLock(t *testing.T) {
	for _, through := range []string{"team-ap-abcdefghijklmnopqrstuvwxyz-s3alias/env/k", "arn:aws:s3:eu-central-1:123456789012:accesspoint/team/env/k", "arn:aws:s3:eu-central-1:123456789012:accesspoint:team/env/k"} {
		t.Run(through, func(t *testing.T) {
			w := newWorld(t)
			const id = "78007e4f-7284-5b8c-b34c-620445a03e9c"
			raw := fmt.Sprintf(`{"ID":%q,"Operation":"OperationTypeApply","Info":"","Who":"root@vm","Version":"1.11.4","Created":"2026-11-23T07:06:04.85961561Z","Path":%q}`, id, through)
			if _, err := w.Set.Buckets[0].Acquire(t.Context(), w.Path("env/k"), []byte(raw)); err != nil {
				t.Fatal(err)
			}
			text := "Error: Error acquiring the state lock\n\nError message: operation error S3: PutObject, https response error StatusCode: 412, RequestID: WJ2R1P2E2H5W6VV2, HostID: " +
				"LQpqKuEDvMg0OrA2wQ1TZpD8bqxWqjSYkPq1TnNf5Z6Y+5GZvtkrrlbv1gq1XoJb1nLrVf0v5jQ=, api error PreconditionFailed: At least one of the pre-conditions you specified did not hold\nLock Info:\n" +
				"  ID:        " + id + "\n  Path:      " + through + "\n  Operation: OperationTypeApply\n  Who:       root@vm\n  Version:   1.11.4\n  Created:   2026-11-23 07:06:04.85961561 +0000 UTC\n  Info:      \n"
			w.ahead = 20 * time.Minute
			if a, err := w.run(&local.Wire{}, request(w, text, "")); err != nil || a.Outcome != unlock.Released {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
}
