//go:build !race

package monitor_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// The answer, which `lockwarden locks` prints, has room for a thousand locks and for 4 MB.
func TestAFloodUnderOnePrefixPushesNoOtherLockOutOfTheAnswer(t *testing.T) {
	older, newer := time.Now().Add(-3*time.Hour), time.Now().Add(-time.Hour)
	for name, tc := range map[string]struct {
		locks   int
		content func(i int, path string) string
	}{
		"more than a thousand": {1_100, nil},
		"fewer, each as long as one can be": {900, func(i int, path string) string {
			long := strings.Repeat("<", 500)
			return fmt.Sprintf(`{"ID":"%04d%s","Operation":"%s","Who":"%s","Version":"%s","Created":"%s","Path":"%s"}`,
				i, strings.Repeat("<", 1000), long, long, long, older.UTC().Format(time.RFC3339), path)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(t, scale.Crowd{States: tc.locks, Locks: tc.locks, Taken: older, Content: tc.content}, scale.Crowd{})
			a.world.Tables["locks"].Put(scale.Item{"LockID": {"S": "states/production/network"}, "Info": {"S": fmt.Sprintf(
				`{"ID":"78007e4f-7284-5b8c-b34c-620445a03e9c","Operation":"OperationTypeApply","Who":"me@host","Created":"%s"}`, newer.UTC().Format(time.RFC3339))}})
			report, _ := a.scan()
			if report.Stuck != tc.locks+1 || report.Omitted == 0 {
				t.Fatalf("%d stuck, %d omitted", report.Stuck, report.Omitted)
			}
			if !slices.ContainsFunc(report.Locks, func(d policy.Description) bool { return d.Path == "states/production/network" }) {
				t.Errorf("production's lock is not among the %d in the answer", len(report.Locks))
			}
		})
	}
}
