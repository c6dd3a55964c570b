package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// short is one lock of ninety seconds that one scan alone saw, half a minute after it was taken,
// or an object that none saw.
type short struct {
	kinds  []tflock.Kind // as the scan saw it; nil: no scan came
	object bool          // it had a lock object, which S3's events say
	torn   bool          // of which the witness could not read the ID
}

// lockedInTurn records those locks, an hour apart, and returns how the state was locked.
func lockedInTurn(t *testing.T, locks ...short) []policy.LockingSeen {
	t.Helper()
	b := newBook(t)
	w := ledger.NewWitnesses(clientOf(b.world), "ledger")
	for i, l := range locks {
		taken := now.Add(time.Duration(i) * time.Hour)
		id := fmt.Sprintf("lock-%d", i)
		if l.object {
			event := ledger.ObjectEvent{Path: wpath, Sequence: sequence(t, i), ETag: id, LockID: id, Actor: ledger.Actor{Principal: "p", At: taken}}
			if l.torn {
				event.LockID = ""
			}
			if err := w.Record(t.Context(), event); err != nil {
				t.Fatal(err)
			}
		}
		b.scan(t, taken.Add(-4*time.Minute), nil, false)
		var held []holding
		if l.kinds != nil {
			held = append(held, holding{path: wpath, id: id, since: taken, kinds: l.kinds, written: 80 * time.Second})
		}
		b.scan(t, taken.Add(80*time.Second), nil, false, held...)
		b.scan(t, taken.Add(6*time.Minute), nil, false)
	}
	all, _, err := b.history.Locking(t.Context(), anyPath)
	if err != nil {
		t.Fatal(err)
	}
	return all[wpath]
}

// A scan alone cannot say of a row that it saw once whether a lock object was beside it. S3's
// events report every object, so that where the witness works the row of a lock without one was
// taken in the table alone. So clients that lock now here and now there are found however short
// their locks are.
func TestTheWitnessSettlesRowsThatOneScanAloneSaw(t *testing.T) {
	t.Parallel()
	var (
		inBucket     = short{kinds: onlyBucket, object: true}
		inTable      = short{kinds: onlyTable}
		rowOfBoth    = short{kinds: onlyTable, object: true} // its object had just been removed
		unseenObject = short{object: true}
		torn         = short{kinds: onlyTable, object: true, torn: true}
	)
	for name, tc := range map[string]struct {
		locks []short
		want  string
		mixed bool
	}{
		"a lock that one scan saw in both places":                           {[]short{{kinds: bothKinds}}, "[both 1]", false},
		"a lock in the table between two in the bucket":                     {[]short{inBucket, inTable, inBucket}, "[lockfile 1 table 1 lockfile 1]", true},
		"one of which no scan saw":                                          {[]short{inBucket, inTable, unseenObject}, "[lockfile 1 table 1]", false},
		"there and back":                                                    {[]short{inBucket, inTable, inTable, inBucket, inTable, inBucket}, "[lockfile 1 table 2 lockfile 1 table 1 lockfile 1]", true},
		"a client that takes both, seen while it gives them back":           {[]short{inBucket, rowOfBoth, inBucket}, "[lockfile 1 both 1 lockfile 1]", false},
		"a row whose object may be one of which the ID is not known":        {[]short{inBucket, torn, inBucket}, "[lockfile 2]", false},
		"a lock in the table before any event: there may not be a witness":  {[]short{inTable, inBucket, inBucket}, "[lockfile 2]", false},
		"a lock in the table after all events: the witness may have broken": {[]short{inBucket, inBucket, inTable}, "[lockfile 2]", false},
		"applies by lockfile alone":                                         {[]short{inBucket, inBucket, unseenObject, inBucket}, "[lockfile 3]", false},
		"locks in the table alone, with no event of any object":             {[]short{inTable, inTable, inTable}, "[]", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			uses := lockedInTurn(t, tc.locks...)
			var got []string
			for _, u := range uses {
				got = append(got, fmt.Sprintf("%s %d", u.Locking, u.Locks))
			}
			if fmt.Sprint(got) != tc.want {
				t.Errorf("%v, want %s", got, tc.want)
			}
			if _, mixed := policy.Mixed(wpath, uses); mixed != tc.mixed {
				t.Errorf("they exclude each other: %v, want %v", !mixed, !tc.mixed)
			}
		})
	}
}
