package ledger_test

import (
	"testing"
	"time"
)

// The holder of the lock is named as the writer of a state, where S3's whole seconds leave no
// doubt who held it.
func TestWhoHeldTheLockWhenAStateWasWritten(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		events  []int // created and removed in turn, at these seconds
		written int
		want    string
	}{
		"nobody has held it":                        {nil, 10, ""},
		"it is held":                                {[]int{5}, 10, "took-5"},
		"it was held, and released later":           {[]int{5, 20}, 10, "took-5"},
		"it is released in the second of the write": {[]int{5, 10}, 10, "took-5"},
		"it was released before":                    {[]int{5, 8}, 10, ""},
		"the next holder came later":                {[]int{5, 20, 30}, 10, "took-5"},
		"the next holder came in the same second":   {[]int{5, 9, 10}, 10, ""},
		"the second holder wrote":                   {[]int{5, 8, 9}, 10, "took-9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, w := ledgerOf(t)
			for i, n := range tc.events {
				event := created(t, n, "e")
				if i%2 == 1 {
					event = removed(t, n, "v")
				}
				if err := w.Keep(t.Context(), event); err != nil {
					t.Fatal(err)
				}
			}
			got, err := w.Holder(t.Context(), wpath, at(tc.written).Truncate(time.Second))
			if err != nil || got.By != tc.want || (got.By == "") != got.Since.IsZero() {
				t.Errorf("%+v, %v; want %q", got, err, tc.want)
			}
		})
	}
}
