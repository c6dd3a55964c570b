package inventory_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// What versions show of clients whose locks no scan met: who moved to lockfiles is not warned of
// the digests that are left over, and who moved in part is.
func TestWhatVersionsShowOfHowATeamLocks(t *testing.T) {
	t.Parallel()
	const warning, info, mixed = "warning digest_mismatch", "info digest_mismatch", "critical mixed_locking"
	for name, tc := range map[string]struct {
		steps string
		want  []string
	}{
		"all by table":                       {"TiTTiTiTTTi", nil},
		"all by lockfile, and never a table": {"LiLLiLi", nil},
		"all by both":                        {"BiBBiBi", nil},
		"the first apply after a move from table to lockfile": {"TiTiLi", []string{info}},
		"the same, found by the first inventory":              {"TTLi", []string{info}},
		"and applies after that":                              {"TiTiLiLiLi", []string{info}},
		"a move in two steps":                                 {"TiTiBiBiLi", []string{info}},
		"and applies after those":                             {"TiTiBiBiLiLLi", []string{info}},
		"a move, and the digest is deleted":                   {"TiTiBiBiLidLi", nil},
		"some by table, others by both already":               {"TiBiTiBiTiBi", nil},
		"some by both, others by lockfile already":            {"BiLidBiLidBiLidi", nil},
		"back from lockfile to table: one change":             {"LiLidTiTi", nil},
		"a digest that was not written":                       {"TiTihi", []string{warning}},
		"of a client that locks in both and died":             {"BiBiKi", []string{warning}},
		"of a client that locks in both, and AWS refused it":  {"BiBiXi", []string{info}},
		"lockfile, table, lockfile":                           {"TiLiTiLi", []string{mixed, info}},
		"and the table again":                                 {"TiLiTiLiTi", []string{mixed}},
		"with plans in between":                               {"TipLpiTiLppi", []string{mixed, info}},
		"of which an inventory sees only some":                {"TipTTLiTTLLTLi", []string{mixed, info}},
		"and all move to lockfiles":                           {"TiLiTiLidLiLiLi", []string{mixed}},
		"and all take both":                                   {"TiLiTiLidBiBi", []string{mixed}},
		"with many by both in between":                        {"TiLiTiBiTiBiTiBiTiBiTiLi", []string{mixed, info}},
		"a state that was copied between applies by lockfile": {"LiLihiLiLi", nil},
		"the same, and the digest set by hand":                {"BiLiaLiaLiai", nil},
		"some by table, others by both, whose digest somebody deletes before the inventory": {"TiBdiTiBdiTi", nil},
		"a copy by hand whose digest is set by hand later":                                  {"BiLidhiaiLi", []string{info}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newTeam(t)
			m.do(tc.steps)
			if got := m.found(); !slices.Equal(got, tc.want) {
				t.Errorf("%s: %q, want %q: %+v", tc.steps, got, tc.want, m.last.Findings)
			}
		})
	}
}

// The report says how the latest version was written, also where no scan met a lock.
func TestTheColumnOfATeamThatNoScanMeets(t *testing.T) {
	t.Parallel()
	for steps, want := range map[string]string{"T": "", "Li": "", "LiLi": "", "BiLi": "lockfile", "BiBi": "both", "BiBiLi": "lockfile", "LiLidTi": "table", "BiLihi": "lockfile", "TiBdi": ""} {
		m := newTeam(t)
		m.do(steps + "i")
		if got := m.column(); got != want {
			t.Errorf("%s: %q, want %q", steps, got, want)
		}
	}
}

// Forty days after the last lock in the table the finding is gone.
func TestMixedLockingEnds(t *testing.T) {
	t.Parallel()
	m := newTeam(t)
	m.do("TiLiTiLid")
	for range 41 {
		m.after(24 * time.Hour)
		m.do("Li")
	}
	if len(m.last.Findings) != 0 {
		t.Errorf("%+v", m.last.Findings)
	}
}

// nothingSeen is a monitor whose scans met no lock.
type nothingSeen struct{}

func (nothingSeen) Locking(context.Context, func(tflock.Path) bool) (map[tflock.Path][]policy.LockingSeen, []tflock.Path, error) {
	return map[tflock.Path][]policy.LockingSeen{}, nil, nil
}
