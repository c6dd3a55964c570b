//go:build !race

package prune_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// costly is the wire to an S3 whose states of a-team are as large as it says in a listing. It counts how many are read.
type costly struct {
	local.Wire
	size  int64
	reads atomic.Int64
}

var sizes = regexp.MustCompile(`(?s)(<Key>a-team/[^<]*</Key>.*?<Size>)\d+`)

func (c *costly) Do(r *http.Request) (*http.Response, error) {
	out, err := c.Wire.Do(r)
	switch {
	case err != nil || r.Method != http.MethodGet || out.StatusCode != http.StatusOK:
		return out, err
	case r.URL.Query().Has("list-type"):
		body, err := io.ReadAll(out.Body)
		if err != nil {
			return nil, err
		}
		body = sizes.ReplaceAll(body, fmt.Appendf(nil, "${1}%d", c.size))
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		out.Header.Del("Content-Length")
	case r.URL.Query().Get("x-id") == "GetObject" && strings.Contains(r.URL.Path, "/a-team/") && strings.HasSuffix(r.URL.Path, ".tfstate"):
		c.reads.Add(1)
	}
	return out, err
}

// One team has more stale states than a run can examine in its time. What others have is examined in each run, before and
// behind it, also what they have since the run before; and the team's own states are all examined in the end, each once.
func TestStatesOfOnePrefixTakeNoTimeFromOthers(t *testing.T) {
	for name, tc := range map[string]struct {
		size   int64
		takes  time.Duration
		states int
		key    func(i int) string
	}{
		"large ones": {127 << 20, 4 * time.Second, 270, func(i int) string { return fmt.Sprintf("a-team/branches/%03d.tfstate", i) }},
		"large ones, where the last key that can be in their folder has three bytes behind whole characters": {127 << 20, 4 * time.Second, 270, func(i int) string { return fmt.Sprintf("a-team/branches/test/%03d.tfstate", i) }},
		"large ones, each in a folder of its own":                                                            {127 << 20, 4 * time.Second, 270, func(i int) string { return fmt.Sprintf("a-team/branches/%03d/terraform.tfstate", i) }},
		"large ones, in deeper and deeper folders": {127 << 20, 4 * time.Second, 270, func(i int) string {
			return fmt.Sprintf("a-team/branches/%s%03d.tfstate", strings.Repeat("z/", i/10), i)
		}},
		"large ones, behind the last character there is": {127 << 20, 4 * time.Second, 270, func(i int) string { return fmt.Sprintf("a-team/branches/\U0010FFFF%03d.tfstate", i) }},
		// A thousand of them come before what others have, and take 700 of the 810 seconds in which a run begins anything.
		"very many small ones": {181, 700 * time.Millisecond, 1250, func(i int) string { return fmt.Sprintf("a-team/branches/%04d.tfstate", i) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var err error
			if w.rules.Paths, err = policy.ParsePaths("*/branches/**"); err != nil {
				t.Fatal(err)
			}
			for i := range tc.states {
				w.Put(tc.key(i), local.State(t, "applied"))
			}
			if err := server.Age(w.Bucket, "a-team/", month); err != nil {
				t.Fatal(err)
			}
			wire := &costly{size: tc.size}
			w.now = func() time.Time { return time.Now().Add(time.Duration(wire.reads.Load()) * tc.takes) }
			runs := 1
			for w.examinesOthers(wire).StoppedEarly && runs < 4 {
				runs++
			}
			if runs == 1 || runs == 4 {
				t.Errorf("it took %d runs or more", runs)
			}
			recorded, err := w.ledger().Runs(t.Context())
			if n, partial := ledger.Abandoned(recorded); err != nil || n != tc.states || partial || wire.reads.Load() != int64(tc.states) {
				t.Errorf("%d abandoned, partial %v, %v; %d states, read %d times", n, partial, err, tc.states, wire.reads.Load())
			}
		})
	}
}

// One team has hundreds of states of 127 MB, and another as many small ones: a run examines all of those.
func TestLargeStatesTakeNoTimeFromSmallOnes(t *testing.T) {
	w := newWorld(t)
	var err error
	if w.rules.Paths, err = policy.ParsePaths("*/branches/**"); err != nil {
		t.Fatal(err)
	}
	const states = 250
	for i := range states {
		w.Put(fmt.Sprintf("a-team/branches/%03d.tfstate", i), local.State(t, "applied"))
		w.Put(fmt.Sprintf("b-team/branches/%03d.tfstate", i), local.State(t, "applied"))
	}
	if err := server.Age(w.Bucket, "", month); err != nil {
		t.Fatal(err)
	}
	wire := &costly{size: 127 << 20}
	w.now = func() time.Time { return time.Now().Add(time.Duration(wire.reads.Load()) * 15 * time.Second) }
	report := w.examinesOthers(wire)
	small := slices.DeleteFunc(report.Kept, func(s policy.Stale) bool { return !strings.Contains(string(s.Path), "/b-team/") })
	if len(small) != states || !report.StoppedEarly {
		t.Errorf("%d small ones were examined, beside %d large ones", len(small), wire.reads.Load())
	}
}

// examinesOthers is a run of a Lambda, which prunes what others have.
func (w *world) examinesOthers(wire *costly) prune.Report {
	w.Helper()
	others := []string{"0-team/branches/x.tfstate", "a-team-b/branches/x.tfstate", "b-team/branches/x/terraform.tfstate"}
	for _, key := range others {
		w.stale(key, local.State(w, "destroyed"))
	}
	cfg := server.Config()
	cfg.HTTPClient = wire
	ctx, cancel := context.WithTimeout(w.Context(), 15*time.Minute)
	defer cancel()
	report, err := w.pruner(cfg).Run(ctx, prune.Request{}, fmt.Sprint("run at ", wire.reads.Load()))
	if err != nil || len(report.Errors) > 0 {
		w.Errorf("%v, errors %q", err, report.Errors)
	}
	if there := w.there(others); len(there) > 0 {
		w.Errorf("%q were not pruned, of %d that were examined", there, report.Examined)
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
