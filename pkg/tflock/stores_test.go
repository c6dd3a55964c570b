//go:build !race

package tflock_test

import (
	"strings"
	"testing"
)

// Stores outside of AWS word the refusal in a client's error in their own way. SeaweedFS names no host.
func TestTheErrorOfAStoreOutsideOfAWSIsUnderstood(t *testing.T) {
	t.Parallel()
	const refusal = "operation error S3: PutObject, https response error StatusCode: 412, RequestID: 1796002530119725227, HostID: , api error PreconditionFailed: At least one of the pre-conditions you specified did not hold"
	l := lockInfo()
	_, block, _ := strings.Cut(clientError(l), "Lock Info:")
	for name, text := range map[string]string{
		"as it is":    refusal,
		"wrapped":     strings.NewReplacer("412, ", "412,\n", "one of ", "one of\n").Replace(refusal),
		"wrapped too": strings.NewReplacer("PutObject, ", "PutObject,\n", "HostID: , ", "HostID: ,\n").Replace(refusal),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if whole := "Error: Error acquiring the state lock\n\nError message: " + text + "\nLock Info:" + block; !forgedReleases(t, l.Path, whole) {
				t.Errorf("it does not release\n%s", whole)
			}
		})
	}
}
