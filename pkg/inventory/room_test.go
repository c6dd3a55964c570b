package inventory

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// However much is added, there is never more than there is room for, and a prefix that wants no
// more than an equal part of it gets all that it wants.
func TestEachPrefixHasAShareOfARoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 1600
		prefixes := rapid.IntRange(1, 12).Draw(t, "prefixes")
		list := newFairList[string](most)
		wanted, largest := map[string]int{}, 0
		for range rapid.IntRange(0, 300).Draw(t, "items") {
			of := fmt.Sprint("p", rapid.IntRange(0, prefixes-1).Draw(t, "prefix"))
			weight := rapid.IntRange(1, 40).Draw(t, "weight")
			wanted[of] += weight
			largest = max(largest, weight)
			list.add(of, of, weight)
		}
		if list.room.full() {
			t.Fatalf("%d of %d are taken", list.room.taken, most)
		}
		got, total := map[string]int{}, 0
		for of, items := range list.byPrefix {
			for _, w := range items {
				got[of] += w.weight
				total += w.weight
			}
		}
		all := 0
		for of, n := range wanted {
			all += n
			if share := (most - most/16) / prefixes; n <= share && got[of] != n {
				t.Errorf("%s has %d of the %d that it wants, with a share of %d", of, got[of], n, share)
			}
			if got[of] == n && list.left[of] > 0 || got[of] < n && list.left[of] == 0 {
				t.Errorf("%s: %d of %d, and %d left out", of, got[of], n, list.left[of])
			}
		}
		if total != list.room.taken || all <= most && total != all {
			t.Errorf("%d are there of %d, and %d counted", total, all, list.room.taken)
		}
	})
}

// Where each of many prefixes wants one thing, as many have it as there is room for.
func TestMorePrefixesThanARoomHasPlaces(t *testing.T) {
	list := newFairList[int](100)
	for i := range 1000 {
		list.add(fmt.Sprint(i), i, 10)
	}
	if n := len(list.items()); n < 9 || n > 10 {
		t.Errorf("%d items", n)
	}
}
