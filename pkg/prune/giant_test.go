package prune_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// giants is the wire to an S3 whose objects called giant have 5 TB of blanks, which are JSON.
type giants struct {
	local.Wire
	t *testing.T
	// swapped says that they are giants only once somebody has taken the lock of one of them.
	swapped bool
	locked  atomic.Bool
}

func (g *giants) Do(r *http.Request) (*http.Response, error) {
	out, err := g.Wire.Do(r)
	isGiant := strings.Contains(r.URL.Path, "/giant") && (!g.swapped || g.locked.Load())
	if strings.Contains(r.URL.Path, "/giant") && r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".tflock") {
		g.locked.Store(true)
	}
	if err == nil && out.StatusCode == http.StatusOK && isGiant && r.URL.RawQuery == "x-id=GetObject" && strings.HasSuffix(r.URL.Path, ".tfstate") {
		_ = out.Body.Close()
		out.Body, out.ContentLength = io.NopCloser(&blanks{t: g.t}), 5<<40
		out.Header.Set("Content-Length", fmt.Sprint(int64(5<<40)))
	}
	return out, err
}

// blanks end the test, in place of the run's time, where they are read without an end.
type blanks struct {
	t    *testing.T
	read int
}

func (b *blanks) Read(p []byte) (int, error) {
	if b.read += len(p); b.read > 256<<20 {
		b.t.Error("more than 256 MB of one state were read")
		return 0, io.EOF
	}
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// Forty stale states of one team are larger than anything that a client writes. They are kept, with the
// reason, and the states of others before and behind them are pruned.
func TestStatesOfAnySizeTakeNoTimeFromOthers(t *testing.T) {
	w := newWorld(t)
	for i := range 40 {
		w.stale(fmt.Sprintf("branches/m/giant%02d.tfstate", i), local.State(t, "destroyed"))
	}
	others := []string{"branches/a/one.tfstate", "branches/z/one.tfstate"}
	for _, key := range others {
		w.stale(key, local.State(t, "destroyed"))
	}
	cfg := server.Config()
	cfg.HTTPClient = &giants{t: t}
	report, err := w.pruner(cfg).Run(t.Context(), prune.Request{}, "run")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range others {
		if _, there := w.Content(key); there {
			t.Errorf("%s was not pruned", key)
		}
	}
	if len(report.Kept) != 40 || len(report.Errors) != 0 || report.StoppedEarly {
		t.Fatalf("kept %d, errors %q, stopped early %v", len(report.Kept), report.Errors, report.StoppedEarly)
	}
	for _, s := range report.Kept {
		if s.Reason != policy.KeptUnreadable || !strings.Contains(s.Why, "5242880 MB") {
			t.Errorf("%s: %s, %s", s.Path, s.Reason, s.Why)
		}
	}
}

// Somebody puts a giant in the place of a state that we have looked at, as soon as we have its lock. It is
// kept unread, its digest stays, our lock goes, and the states of others are pruned.
func TestAStateThatIsSwappedForAGiantUnderOurLock(t *testing.T) {
	w := newWorld(t)
	const giant = "branches/m/giant.tfstate"
	others := []string{"branches/a/one.tfstate", "branches/z/one.tfstate"}
	for _, key := range append(others, giant) {
		w.stale(key, local.State(t, "destroyed"))
	}
	cfg := server.Config()
	wire := &giants{t: t, swapped: true}
	cfg.HTTPClient = wire
	report, err := w.pruner(cfg).Run(t.Context(), prune.Request{}, "run")
	if err != nil || !wire.locked.Load() {
		t.Fatalf("%v; locked %v", err, wire.locked.Load())
	}
	want := []string{"branches/a/one.tfstate pruned", giant + " kept " + string(policy.KeptUnreadable), "branches/z/one.tfstate pruned"}
	if got := fates(report); !slices.Equal(got, want) || len(report.Errors) != 0 || report.StoppedEarly {
		t.Fatalf("%q, errors %q, stopped early %v", got, report.Errors, report.StoppedEarly)
	}
	if why := report.Kept[0].Why; !strings.Contains(why, "5242880 MB") {
		t.Errorf("it is kept because %s", why)
	}
	if !w.Readable(giant) || w.Digests(giant)[0] == "" || len(w.held()) > 0 {
		t.Errorf("its digests are %q; held %q", w.Digests(giant), w.held())
	}
}

// bodies is the wire to an S3 whose versions have these bytes, and as many as it says.
type bodies struct {
	local.Wire
	size  int64
	begin string
	read  int
}

func (b *bodies) Do(r *http.Request) (*http.Response, error) {
	out, err := b.Wire.Do(r)
	if err == nil && out.StatusCode == http.StatusOK && r.Method == http.MethodGet && r.URL.Query().Get("x-id") == "GetObject" && strings.HasSuffix(r.URL.Path, ".tfstate") {
		_ = out.Body.Close()
		out.Body, out.ContentLength = io.NopCloser(b), b.size
		out.Header.Set("Content-Length", fmt.Sprint(b.size))
	}
	return out, err
}

func (b *bodies) Read(p []byte) (int, error) {
	if int64(b.read) >= b.size {
		return 0, io.EOF
	}
	n := copy(p, b.begin)
	for i := n; i < len(p); i++ {
		p[i] = 'x'
	}
	b.begin = ""
	b.read += len(p)
	return len(p), nil
}

// An object that is not a state is not read to its end for a restore, and what is larger than a function can hold not at all.
func TestARestoreReadsNoFurtherThanItMust(t *testing.T) {
	for name, tc := range map[string]struct {
		body *bodies
		most int // bytes read
		says string
	}{
		"no state, of 60 MB": {&bodies{size: 60 << 20, begin: "PK\x03\x04"}, 1 << 20, "is not a Terraform or OpenTofu state"},
		"an object, of 5 TB": {&bodies{size: 5 << 40}, 0, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.stale(key, local.State(t, "destroyed"))
			w.Remove(key)
			answer, err := w.prunerOver(tc.body).Restore(t.Context(), w.Path(key), "restore")
			if err != nil || answer.Outcome != prune.Refused || !strings.Contains(answer.Message, tc.says) || tc.body.read > tc.most {
				t.Errorf("%+v, %v; %d bytes were read", answer, err, tc.body.read)
			}
			if _, there := w.Content(key); there {
				t.Error("it was restored")
			}
		})
	}
}
