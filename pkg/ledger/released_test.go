package ledger_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// shelf is the records of releases in a ledger that is memory.
func shelf(t *testing.T) (*ledger.Releases, *scale.World) {
	t.Helper()
	w := &scale.World{Tables: map[string]*scale.Table{"ledger": scale.Ledger("ledger")}}
	return ledger.NewReleases(dynamodb.NewFromConfig(w.Online(t)), "ledger"), w
}

func write(t *testing.T, releases *ledger.Releases, id string, r ledger.Release) {
	t.Helper()
	if err := releases.Write(t.Context(), ledger.Key{Path: "states/a/terraform.tfstate", ID: id}, r); err != nil {
		t.Fatal(err)
	}
}

func since(t *testing.T, releases *ledger.Releases, from time.Time) []string {
	t.Helper()
	ids := []string{}
	for one, err := range releases.Since(t.Context(), from) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, one.Key.ID)
	}
	return ids
}

func TestTheLatestReleasesComeInTheOrderOfTime(t *testing.T) {
	t.Parallel()
	releases, _ := shelf(t)
	fate := func(f ledger.HalfFate) []ledger.Half { return []ledger.Half{{Fate: f}} }
	for id, r := range map[string]ledger.Release{
		"a second earlier":         {At: now.Add(-time.Second), Halves: fate(ledger.HalfRemoved)},
		"then":                     {At: now, Halves: fate(ledger.HalfRemoved)},
		"100 ms later":             {At: now.Add(100 * time.Millisecond), Halves: fate(ledger.HalfGone)},
		"125 ms later":             {At: now.Add(125 * time.Millisecond), Halves: fate(ledger.HalfUnknown)},
		"a minute later, it stays": {At: now.Add(time.Minute), Halves: fate(ledger.HalfKept)},
		"a minute later, refused":  {At: now.Add(time.Minute)},
	} {
		write(t, releases, id, r)
	}
	if got, want := fmt.Sprint(since(t, releases, now)), "[then 100 ms later 125 ms later]"; got != want {
		t.Errorf("%s instead of %s", got, want)
	}
}

func TestAReleaseThatRemovedNothingInTheEndIsNoLongerAmongTheLatest(t *testing.T) {
	t.Parallel()
	releases, _ := shelf(t)
	r := ledger.Release{At: now, Halves: []ledger.Half{{Fate: ledger.HalfUnknown}}}
	write(t, releases, "1", r)
	before := since(t, releases, now)
	r.Halves = []ledger.Half{{Fate: ledger.HalfKept}}
	write(t, releases, "1", r)
	if after := since(t, releases, now); len(before) != 1 || len(after) != 0 {
		t.Errorf("before %v, after %v", before, after)
	}
}

// Whoever may have locks released automatically may put 300 KB into each: the weekly report reads
// a few weeks of releases, and none of these bytes.
func TestTheLatestReleasesCostNoReadOfTheirLocks(t *testing.T) {
	t.Parallel()
	releases, w := shelf(t)
	const many = 30
	for i := range many {
		write(t, releases, fmt.Sprint(i), ledger.Release{
			At: now.Add(time.Duration(i) * time.Minute), Halves: []ledger.Half{{Fate: ledger.HalfRemoved}},
			Held: []ledger.Bytes{ledger.NewBytes(strings.Repeat("x", 280<<10), bucket)},
		})
	}
	w.Reset()
	if got, calls := since(t, releases, now), w.Calls(); len(got) != many || calls["Query"] != 1 {
		t.Errorf("%d releases, %v", len(got), calls)
	}
}
