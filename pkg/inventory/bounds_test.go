//go:build !race

package inventory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// restored is what one repair of ours is on record to have written.
type restored ledger.Written

func (r restored) Written(context.Context, tflock.Path) ([]ledger.Written, error) {
	return []ledger.Written{ledger.Written(r)}, nil
}

func (restored) Accepted(context.Context, tflock.Path) ([]time.Time, error) { return nil, nil }

// busy writes a state that many times, a minute apart.
func (m *team) busy(times int) {
	for range times {
		m.after(time.Minute)
		m.write()
	}
}

// twoWriters writes a serial twice.
func (m *team) twoWriters() {
	m.write()
	m.after(time.Minute)
	_, err := m.s3.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String("states"), Key: aws.String(key), Body: strings.NewReader(stateOf(m.serial, "one", object("aws_eip", `{"id":"x"}`)))})
	m.must(err)
}

// A state was written some thousand times between two inventories. On-call restored an old version of it
// before that: where that version is not among the newest 2,000, the inventory says that it does not know
// them all, and does not say that somebody put an older state over a newer one. Two writers among the newest are
// found.
func TestAStateThatWasWrittenThousandsOfTimes(t *testing.T) {
	t.Parallel()
	const unknown = "more than 2000 versions came since"
	for name, tc := range map[string]struct {
		writes int
		ours   bool
		want   []string
		says   string
	}{
		"an older state over a newer one, all versions known": {1900, false, []string{"warning serial_decreased", "warning serial_reused"}, "versions since"},
		"a restore of ours, all versions known":               {1900, true, []string{"warning serial_reused"}, "versions since"},
		"a restore of ours, behind more than are known":       {2100, true, []string{"warning serial_reused"}, unknown},
		"anybody's, behind more than are known":               {2100, false, []string{"warning serial_reused"}, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newTeam(t)
			m.serial = 5000
			m.do("Ti")
			m.serial = 3
			m.busy(1)
			if tc.ours {
				m.i.Own = restored{VersionID: m.version, From: m.now, To: m.now}
			}
			m.busy(tc.writes)
			m.twoWriters()
			m.do("di")
			if got := m.found(); !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q: %+v", got, tc.want, m.last.Findings)
			}
			if said := strings.Join(m.last.Errors, "\n"); !strings.Contains(said, tc.says) || strings.Contains(said, unknown) != (tc.says == unknown) {
				t.Errorf("it says %q", said)
			}
		})
	}
}

// The digest is of a version that is older than the newest 2,000, or than the newest 100 where versions
// have to be read for it: the finding says that older ones were not read, and not that the bucket has
// none.
func TestADigestOfAVersionThatIsTooFarBack(t *testing.T) {
	t.Parallel()
	const notRead, gone = "the older ones were not read", "no version that the bucket still has"
	for name, tc := range map[string]struct {
		writes  int
		another bool // the digest is of no version, so that they are read
		says    string
	}{
		"of the oldest of 1,900":     {1900, false, "the digest is of the version of 2026-11-02 08:10"},
		"of the oldest of 2,100":     {2100, false, notRead},
		"of none of a hundred":       {98, true, gone},
		"perhaps of an older of 110": {110, true, notRead},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newTeam(t)
			m.do("T")
			if tc.another {
				m.record(sum("another"))
			}
			m.busy(tc.writes)
			m.do("i")
			if len(m.last.Findings) != 1 || !strings.Contains(m.last.Findings[0].Text, tc.says) || (m.last.Findings[0].Evidence.VersionID == "") != (tc.says == notRead || tc.says == gone) {
				t.Errorf("%+v", m.last.Findings)
			}
		})
	}
}

// Clients upload large states in parts, so that their versions have to be read for the one that a digest
// belongs to: at most 64 MB of them. The finding names the version that is within that; of one behind
// it, it says that older ones were not read.
func TestLargeVersionsBehindADigest(t *testing.T) {
	t.Parallel()
	w, g := newWorld(t), &guard{}
	run := func() policy.StateFinding {
		t.Helper()
		report, err := w.inventory(g.config()).Run(context.Background(), inventory.Request{})
		if err != nil || len(report.Findings) != 1 {
			t.Fatalf("%+v, %v", report, err)
		}
		return report.Findings[0]
	}
	large := func(serial, megabytes int) {
		w.multipart(stateOf(serial, "one") + strings.Repeat(" ", megabytes<<20))
	}
	first := w.multipart(stateOf(1, "one"))
	w.SetDigest(w.Table, key, sum(stateOf(1, "one")))
	large(2, 31)
	large(3, 31)
	w.multipart(stateOf(4, "one"))
	if f := run(); f.Evidence.VersionID != first || !strings.Contains(f.Text, first) {
		t.Errorf("behind 62 MB: %s", f.Text)
	}
	g.taken()
	large(5, 3)
	w.multipart(stateOf(6, "one"))
	f := run()
	if f.Evidence.VersionID != "" || !strings.Contains(f.Text, "the older ones were not read") || f.Severity != policy.SeverityWarning || f.Fix == nil {
		t.Errorf("behind 65 MB: %s, %s", f.Severity, f.Text)
	}
	// As it was listed, again for the digest, the one in between that is compared, and the versions of 34 MB.
	if reads := g.taken()[w.Path(key)]; reads != 6 {
		t.Error(fmt.Sprint(reads, " reads"))
	}
}
