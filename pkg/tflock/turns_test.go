package tflock_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func TestEachFolderHasItsTurn(t *testing.T) {
	for name, tc := range map[string]struct{ paths, want string }{
		"nothing":                            {"", ""},
		"a prefix of many":                   {"b/x/1 b/x/2 b/x/3 b/y/1", "b/x/1 b/y/1 b/x/2 b/x/3"},
		"folders within one prefix":          {"b/env:/x/1 b/env:/x/2 b/env:/x/3 b/env:/y/1", "b/env:/x/1 b/env:/y/1 b/env:/x/2 b/env:/x/3"},
		"buckets":                            {"a/x/1 a/x/2 b/x/1", "a/x/1 b/x/1 a/x/2"},
		"two locks of one path":              {"b/x b/x b/y", "b/x b/y b/x"},
		"paths that are none":                {"b b b/x", "b b/x b"},
		"folders deeper than are told apart": {strings.Repeat("d/", 40) + "1 " + strings.Repeat("d/", 40) + "2", strings.Repeat("d/", 40) + "1 " + strings.Repeat("d/", 40) + "2"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(tflock.InTurns(strings.Fields(tc.paths), func(p string) tflock.Path { return tflock.Path(p) }), " "); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

// Nothing is lost, and a prefix with few items has them all among the first ones, however many
// another prefix has.
func TestNoPrefixTakesAnothersTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		few := rapid.SliceOfN(rapid.StringMatching(`few/[a-c]/[a-c]?`), 1, 5).Draw(t, "few")
		many := rapid.SliceOfN(rapid.StringMatching(`many(/[a-z]){1,3}`), 0, 50).Draw(t, "many")
		all := rapid.Permutation(slices.Concat(few, many)).Draw(t, "order")
		got := tflock.InTurns(slices.Clone(all), func(p string) tflock.Path { return tflock.Path(p) })
		if !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(all))) {
			t.Fatalf("%q became %q", all, got)
		}
		for _, path := range got[:min(len(got), 2*len(few))] {
			if i := slices.Index(few, path); i >= 0 {
				few = slices.Delete(few, i, i+1)
			}
		}
		if len(few) > 0 {
			t.Fatalf("%q come after twice their number: %q", few, got)
		}
	})
}

// Of two folders beside each other, an item of one is taken only when what was taken of it before cost no more than what was taken of the other, as long as that has any left.
func TestTurnsByCost(t *testing.T) {
	type item struct {
		path string
		cost int64
	}
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOf(rapid.Custom(func(t *rapid.T) item {
			return item{rapid.StringMatching(`[ab]/([ab]/)?[a-c]`).Draw(t, "path"), rapid.Int64Range(1, 100).Draw(t, "cost")}
		})).Draw(t, "items")
		got := tflock.InTurnsByCost(slices.Clone(all), func(i item) tflock.Path { return tflock.Path(i.path) }, func(i item) int64 { return i.cost })
		if len(got) != len(all) {
			t.Fatalf("%d of %d", len(got), len(all))
		}
		spent, left := map[byte]int64{}, map[byte]int{}
		for _, i := range all {
			left[i.path[0]]++
		}
		for n, i := range got {
			mine, other := i.path[0], 'a'+'b'-i.path[0]
			if left[other] > 0 && spent[mine] > spent[other] {
				t.Fatalf("item %d of %v: %c had %d, and %c %d", n, got, mine, spent[mine], other, spent[other])
			}
			spent[mine] += i.cost
			left[mine]--
		}
	})
}

func TestTheFolderThatTwoPathsShare(t *testing.T) {
	for _, tc := range []struct{ a, b, want tflock.Path }{
		{"b/x/y/1", "b/x/y/2", "b/x/y/"},
		{"b/x/y/1", "b/x/z/1", "b/x/"},
		{"b/x/1", "b/x/", "b/x/"},
		{"b/x", "b/x/1", "b/"},
		{"b/team-a/1", "b/team-b/1", "b/"},
		{"b/x", "c/x", ""},
		{"", "b/x", ""},
	} {
		if got, back := tflock.Folder(tc.a, tc.b), tflock.Folder(tc.b, tc.a); got != tc.want || back != tc.want {
			t.Errorf("%q and %q share %q, and the other way round %q", tc.a, tc.b, got, back)
		}
	}
}
