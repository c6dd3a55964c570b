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
				if err := w.Record(t.Context(), event); err != nil {
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

// Whoever may write a prefix makes any number of events of one lock: so many are read and no more, the newest first.
func TestTheEventsOfOneLockThatAreReadAreBounded(t *testing.T) {
	t.Parallel()
	_, w := ledgerOf(t)
	for n := 1; n <= 3400; n++ {
		event := created(t, n, "e")
		if n%2 == 0 {
			event = removed(t, n, "v")
		}
		if err := w.Record(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		written int
		want    string
	}{
		"a state that was written lately":       {3398, "took-3397"},
		"one that was written long ago":         {602, "took-601"},
		"one of before more events than we ask": {102, ""},
	} {
		got, err := w.Holder(t.Context(), wpath, at(tc.written).Truncate(time.Second))
		if err != nil || got.By != tc.want {
			t.Errorf("%s: %+v, %v want %q", name, got, err, tc.want)
		}
	}
}
