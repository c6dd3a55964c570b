package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

func invoke(t *testing.T, stack *local.Stack, lockID string) unlock.Answer {
	t.Helper()
	return ask(t, stack, unlock.Request{LockID: lockID, Reason: "its laptop died", RequestedBy: "test"})
}

func ask(t *testing.T, stack *local.Stack, r unlock.Request) unlock.Answer {
	t.Helper()
	payload, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var answer unlock.Answer
	if err := stack.Ask(t.Context(), "unlock", string(payload), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// Locks that killed clients left, in every mode, go by the ID and by the text that
// the next client prints; its plan works then.
func TestRealLocksAreReleased(t *testing.T) {
	stack := local.ForTest(t, map[string]string{"ReleaseGuard": "1ms"})
	clients, err := local.Clients()
	if err != nil {
		t.Fatal(err)
	}
	for i, client := range clients {
		for k, mode := range local.Modes {
			by := []string{"ID", "pasted text"}[(i+k)%2]
			t.Run(fmt.Sprintf("%s, %s, by %s", client.Name, mode, by), func(t *testing.T) {
				mustRelease(t, stack, client, mode, by)
			})
		}
	}
}

// mustRelease leaves a lock and wants it to go, by its ID or by what the next client prints. A dry run with the
// other of both would release the same.
func mustRelease(t *testing.T, stack *local.Stack, client local.Client, mode local.Mode, by string) {
	t.Helper()
	key := fmt.Sprintf("%s/%s/%s/terraform.tfstate", client.Name, mode, strings.Fields(by)[0])
	w, err := stack.Leave(t.Context(), client, t.TempDir(), key, mode)
	if err != nil {
		t.Fatal(err)
	}
	printed, err := w.Run(t.Context(), "plan")
	if err == nil {
		t.Fatal("the lock does not hold")
	}
	if mode == local.ByTable {
		if a := invoke(t, stack, printed); a.Outcome != unlock.Refused {
			t.Fatalf("a row that no scan has seen: %+v", a)
		}
	}
	if err := stack.Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(printed, "  ID:        ")
	name, other := strings.Fields(rest)[0], printed
	if by != "ID" {
		name, other = other, name
	}
	if a := ask(t, stack, unlock.Request{LockID: other, DryRun: true}); a.Outcome != unlock.WouldRelease || a.Lock == nil || !strings.HasSuffix(a.Lock.Path, key) {
		t.Fatalf("a dry run: %+v", a)
	}
	if a := invoke(t, stack, name); a.Outcome != unlock.Released || a.Lock == nil || !strings.HasSuffix(a.Lock.Path, key) {
		t.Fatalf("got %+v", a)
	}
	if _, err := w.Run(t.Context(), "plan"); err != nil {
		t.Errorf("after the release: %v", err)
	}
	if a := invoke(t, stack, name); a.Outcome != unlock.NotFound {
		t.Errorf("again: %+v", a)
	}
}

// A live apply is refused while its lock is young; and when it is old, while it writes
// the state.
func TestALiveApplyIsRefused(t *testing.T) {
	client, err := local.Tofu()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		guard string
		args  []string
		until func(t *testing.T, stack *local.Stack, key string)
		says  string
	}{
		"a young lock": {"10m", local.TenMinutes, func(*testing.T, *local.Stack, string) {}, "the lock is only"},
		"an apply that is writing state": {"12s", local.Ticking, func(t *testing.T, stack *local.Stack, key string) {
			waitForState(t, stack, key)
		}, "the state was written"},
	} {
		t.Run(name, func(t *testing.T) {
			stack := local.ForTest(t, map[string]string{"ReleaseGuard": tc.guard})
			const key = "live/terraform.tfstate"
			w, run, err := stack.Hold(t.Context(), client, t.TempDir(), key, local.ByBoth, tc.args)
			if err != nil {
				t.Fatal(err)
			}
			defer run.Kill() //nolint:errcheck // it may have ended
			tc.until(t, stack, key)
			printed, err := w.Run(t.Context(), "plan")
			if err == nil {
				t.Fatal("the lock does not hold")
			}
			if a := invoke(t, stack, printed); a.Outcome != unlock.Refused || len(a.Released) != 0 || !strings.Contains(a.Message, tc.says) {
				t.Errorf("got %+v", a)
			}
			if _, err := w.Run(t.Context(), "plan"); err == nil {
				t.Error("the lock is gone")
			}
			published, err := stack.AWS().Published(stack.Outputs["AlertTopicArn"])
			if err != nil || len(published) == 0 || !strings.Contains(published[0].Texts["email"], "Dashboard: "+stack.Outputs["DashboardUrl"]) {
				t.Errorf("the refusal links no dashboard at %s: %v, %+v", stack.Outputs["DashboardUrl"], err, published)
			}
		})
	}
}

// waitForState waits until a client has written its state: it does so at most every
// twenty seconds, as resources come to be.
func waitForState(t *testing.T, stack *local.Stack, key string) {
	t.Helper()
	bucket := stack.Outputs["StateBucketName"]
	for range 120 {
		_, err := stack.AWS().S3().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
		if err == nil {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Fatal("no state was written within a minute")
}
