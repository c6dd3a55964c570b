//go:build !race

package prune_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// costly are the states of a-team, which are as large as it says in a listing, and of which each takes a worker that long to read. It counts how many are read.
type costly struct {
	insideWorld
	size  int64
	takes time.Duration
	reads atomic.Int64
}

// One team has more stale states than a run can examine in its time. What others have is examined in each run, before and
// behind it, also what they have since the run before; and the team's own states are all examined in the end, each once but for those that the end of a run cuts off.
func TestStatesOfOnePrefixTakeNoTimeFromOthers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		size   int64
		takes  time.Duration
		states int
		key    func(i int) string
	}{
		"large ones": {127 << 20, 2 * time.Minute, 270, func(i int) string { return fmt.Sprintf("a-team/branches/%03d.tfstate", i) }},
		"large ones, where the last key that can be in their folder has three bytes behind whole characters": {127 << 20, 2 * time.Minute, 270, func(i int) string { return fmt.Sprintf("a-team/branches/test/%03d.tfstate", i) }},
		"large ones, each in a folder of its own":                                                            {127 << 20, 2 * time.Minute, 270, func(i int) string { return fmt.Sprintf("a-team/branches/%03d/terraform.tfstate", i) }},
		"large ones, in deeper and deeper folders": {127 << 20, 2 * time.Minute, 270, func(i int) string {
			return fmt.Sprintf("a-team/branches/%s%03d.tfstate", strings.Repeat("z/", i/10), i)
		}},
		"large ones, behind the last character there is": {127 << 20, 2 * time.Minute, 270, func(i int) string { return fmt.Sprintf("a-team/branches/\U0010FFFF%03d.tfstate", i) }},
		// A thousand of them come before what others have, and take most of the 810 seconds in which a run begins anything.
		"very many small ones": {int64(len(local.State(t, "applied"))), 22 * time.Second, 1250, func(i int) string { return fmt.Sprintf("a-team/branches/%04d.tfstate", i) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &costly{insideWorld: inside(t), size: tc.size, takes: tc.takes}
				for i := range tc.states {
					w.put(tc.key(i), local.State(t, "applied"))
				}
				time.Sleep(month)
				runs := 1
				for w.examinesOthers(runs).StoppedEarly && runs < 4 {
					runs++
				}
				if runs == 1 || runs == 4 {
					t.Errorf("it took %d runs or more", runs)
				}
				recorded, err := w.prunes().Runs(t.Context())
				if n, partial := ledger.Abandoned(recorded); err != nil || n != tc.states || partial || w.reads.Load() > int64(tc.states+runs*32) { // those are cut off
					t.Errorf("%d abandoned, partial %v, %v; %d states, read %d times", n, partial, err, tc.states, w.reads.Load())
				}
			})
		})
	}
}

// One team has hundreds of states of 127 MB, and another as many small ones: a run examines all of those.
func TestLargeStatesTakeNoTimeFromSmallOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &costly{insideWorld: inside(t), size: 127 << 20, takes: 8 * time.Minute}
		const states = 250
		for i := range states {
			w.put(fmt.Sprintf("a-team/branches/%03d.tfstate", i), local.State(t, "applied"))
			w.put(fmt.Sprintf("b-team/branches/%03d.tfstate", i), local.State(t, "applied"))
		}
		time.Sleep(month)
		report := w.examinesOthers(1)
		small := slices.DeleteFunc(report.Kept, func(s policy.Stale) bool { return !strings.Contains(string(s.Path), "/b-team/") })
		if len(small) != states || !report.StoppedEarly {
			t.Errorf("%d small ones were examined, beside %d large ones", len(small), w.reads.Load())
		}
	})
}

// examinesOthers is a run of a Lambda, which prunes what others have.
func (w *costly) examinesOthers(run int) prune.Report {
	w.Helper()
	theirs := []string{"0-team/branches/x.tfstate", "a-team-b/branches/x.tfstate", "b-team/branches/x/terraform.tfstate"}
	for _, key := range theirs {
		w.put(key, local.State(w, "destroyed"))
	}
	time.Sleep(month)
	beside := w.insideWorld
	beside.calls = func(ctx context.Context, operation string, input any) (any, error) {
		out, err := w.calls(ctx, operation, input)
		if list, is := out.(*s3.ListObjectsV2Output); is {
			for i := range list.Contents {
				if strings.HasPrefix(*list.Contents[i].Key, "a-team/") {
					list.Contents[i].Size = &w.size
				}
			}
		}
		return out, err
	}
	report, err := beside.run(fmt.Sprint("run ", run), func(input any) error {
		if in, is := input.(*s3.GetObjectInput); is && strings.HasPrefix(*in.Key, "a-team/") && strings.HasSuffix(*in.Key, ".tfstate") {
			time.Sleep(w.takes)
			w.reads.Add(1)
		}
		return nil
	})
	others := slices.DeleteFunc(slices.Clone(report.Errors), func(e string) bool {
		return strings.Contains(e, "/a-team/") && strings.Contains(e, "no answer in time")
	})
	if err != nil || len(others) > 0 {
		w.Errorf("%v, errors %q", err, others)
	}
	if w.hasAny(theirs) {
		w.Errorf("states of others were not pruned, of %d that were examined", report.Examined)
	}
	return report
}

// One team has more stale states than an answer lists, and more that are pruned than a message has room for. What prune deleted of another team, and what that team has
// abandoned, is in the answer and in the message all the same, in each channel.
func TestManyStaleStatesOfOnePrefixHideNoneOfOthers(t *testing.T) {
	w := newWorld(t)
	var err error
	if w.rules.Paths, err = policy.ParsePaths("*/branches/**"); err != nil {
		t.Fatal(err)
	}
	w.rules.WithoutDigest = true
	for i := range 1001 {
		if i < 150 {
			w.Put(fmt.Sprintf("a-team/branches/empty%04d.tfstate", i), local.State(t, "destroyed"))
		}
		w.Put(fmt.Sprintf("a-team/branches/used%04d.tfstate", i), local.State(t, "applied"))
	}
	const deleted, abandoned = "b-team/branches/deleted.tfstate", "b-team/branches/abandoned.tfstate"
	w.Put(deleted, local.State(t, "destroyed"))
	w.Put(abandoned, local.State(t, "applied"))
	if err := server.Age(w.Bucket, "", month); err != nil {
		t.Fatal(err)
	}
	report := w.prune()
	if len(report.Pruned) != 151 || len(report.Kept) != 1000 || report.Omitted != 2 {
		t.Errorf("%d pruned and %d kept are listed, %d are not", len(report.Pruned), len(report.Kept), report.Omitted)
	}
	listed := strings.Join(fates(report), "\n")
	messages := w.Published()
	for _, key := range []string{deleted, abandoned} {
		if !strings.Contains(listed, key) {
			t.Errorf("%s is not in the answer", key)
		}
		for channel, text := range messages[len(messages)-1].Texts {
			if !strings.Contains(text, key) {
				t.Errorf("%s is not in the message to %s", key, channel)
			}
		}
	}
}
