package inventory_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Whoever may write the rows of one prefix can name any state by "..": such a row says nothing of
// it, or the finding would talk people into rolling somebody else's state back.
func TestARowThatClimbsOutOfItsPrefixSaysNothingOfAState(t *testing.T) {
	w := newWorld(t)
	w.put("prod/terraform.tfstate", stateOf(1, "one"))
	time.Sleep(1100 * time.Millisecond) // S3's times are whole seconds
	w.put("prod/terraform.tfstate", stateOf(2, "one"))
	w.SetDigest(w.Table, "a-team/../prod/terraform.tfstate", sum(stateOf(1, "one")))
	if report := w.run(); len(report.Findings) > 0 {
		t.Errorf("found %+v", report.Findings)
	}
	w.SetDigest(w.Table, "prod/./terraform.tfstate", sum(stateOf(1, "one")))
	if report := w.run(); len(report.Findings) != 1 {
		t.Errorf("of a client's own other name of the state: %+v", report.Findings)
	}
}

// A lock row of such a name does not make another team's state count as locked, which would hold
// back what is found of it.
func TestALockThatClimbsOutOfItsPrefixHoldsBackNoFinding(t *testing.T) {
	w := newWorld(t)
	const key = "prod/terraform.tfstate"
	w.put(key, stateOf(1, "one"))
	w.SetDigest(w.Table, key, strings.Repeat("0", 32))
	w.lockAs("a-team/../" + key)
	if report := w.run(); len(report.Findings) != 1 || report.Findings[0].Type != policy.FindingDigestMismatch {
		t.Errorf("found %+v", report.Findings)
	}
}

// No client writes a digest of 100 KB: it does not push the findings of others out of a message.
func TestAHugeDigestHidesNoOtherFinding(t *testing.T) {
	w := newWorld(t)
	w.SetDigest(w.Table, "a-team/0.tfstate", strings.Repeat("x", 100_000))
	for i := range 10 {
		w.SetDigest(w.Table, fmt.Sprintf("production/%d.tfstate", i), "deadbeef")
	}
	if report := w.run(); len(report.Findings) != 11 {
		t.Fatalf("found %d", len(report.Findings))
	}
	messages, err := server.Published(w.Topic)
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	for _, channel := range []string{"default", "email"} {
		text := messages[0].Texts[channel]
		for i := range 10 {
			if name := fmt.Sprintf("production/%d.tfstate", i); !strings.Contains(text, name) {
				t.Errorf("%s does not name %s: %.300s", channel, name, text)
			}
		}
		if strings.Contains(text, strings.Repeat("x", 100)) {
			t.Errorf("%s has the digest", channel)
		}
	}
}
