package probe_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/probe"
)

func TestBucket(t *testing.T) {
	for name, tc := range map[string]struct {
		store                 *store
		create, delete, again probe.Answer
		versioning            probe.Versioning
		words                 string
		unsafe                [2]bool // unlock, prune
	}{
		"a store like S3": {
			&store{versioning: "Enabled"},
			probe.Holds, probe.Holds, probe.Holds, probe.On,
			"Locks here are real",
			[2]bool{},
		},
		"without versioning": {&store{}, probe.Holds, probe.Holds, probe.Holds, probe.Off, "Versioning is off", [2]bool{}},
		"with versioning suspended": {
			&store{versioning: "Suspended"},
			probe.Holds, probe.Holds, probe.Holds, probe.Suspended,
			"Versioning is suspended",
			[2]bool{},
		},
		"a second lock overwrites the first": {
			&store{ignoreCreate: true},
			probe.Ignored, probe.Holds, probe.Ignored, probe.Off,
			"Locks here are not real",
			[2]bool{false, true},
		},
		"a delete does not look at its condition": {
			&store{ignoreDelete: true},
			probe.Holds, probe.Ignored, probe.Holds, probe.Off,
			"Unlock is not safe here, because",
			[2]bool{true, true},
		},
		"no condition counts": {
			&store{ignoreCreate: true, ignoreDelete: true, versioning: "Enabled"},
			probe.Ignored, probe.Ignored, probe.Ignored, probe.On,
			"Locks here are not real",
			[2]bool{true, true},
		},
		"a delete marker counts as an object": {
			&store{markerBlocks: true, versioning: "Enabled"},
			probe.Holds, probe.Holds, probe.Rejected, probe.On,
			"can be locked only once",
			[2]bool{false, true},
		},
		"conditional writes are not implemented": {
			&store{rejectCreate: http.StatusNotImplemented},
			probe.Rejected, probe.Holds, probe.NotKnown, probe.Off,
			"Clients cannot lock here",
			[2]bool{false, true},
		},
		"conditional deletes are not implemented": {
			&store{rejectDelete: http.StatusNotImplemented},
			probe.Holds, probe.Rejected, probe.Holds, probe.Off,
			"Unlock does not work here",
			[2]bool{false, true},
		},
		"conditional deletes are an invalid request": {
			&store{rejectDelete: http.StatusBadRequest},
			probe.Holds, probe.Rejected, probe.Holds, probe.Off,
			"Unlock does not work here",
			[2]bool{false, true},
		},
		"a delete is answered as done and is not": {
			&store{keeps: true},
			probe.Holds, probe.Rejected, probe.NotKnown, probe.Off,
			"the object is still there",
			[2]bool{false, true},
		},
		"writes are denied": {
			&store{denied: http.MethodPut},
			probe.NotKnown, probe.NotKnown, probe.NotKnown, probe.Off,
			"nothing could be written: AccessDenied: no",
			[2]bool{false, true},
		},
		"writes are bad requests of any kind": {
			&store{denied: "", failing: http.MethodPut},
			probe.NotKnown, probe.NotKnown, probe.NotKnown, probe.Off,
			"nothing could be written: InternalError",
			[2]bool{false, true},
		},
		"deletes are denied": {
			&store{denied: http.MethodDelete},
			probe.Holds, probe.NotKnown, probe.NotKnown, probe.Off,
			"is left: AccessDenied",
			[2]bool{false, true},
		},
		"reads are denied": {
			&store{denied: http.MethodGet},
			probe.Holds, probe.Holds, probe.Holds, probe.Unknown,
			"its versioning could not be read",
			[2]bool{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tc.store
			client, _ := serve(t, s)
			r := probe.Bucket(t.Context(), client, "states")
			if r.Create != tc.create || r.Delete != tc.delete || r.CreateAfterDelete != tc.again || r.Versioning != tc.versioning {
				t.Errorf("%+v", r)
			}
			if words := strings.Join(r.Words(), "\n"); !strings.Contains(words, tc.words) {
				t.Errorf("does not say %q:\n%s", tc.words, words)
			}
			if got := [2]bool{r.UnsafeUnlock() != "", r.UnsafePrune() != ""}; got != tc.unsafe {
				t.Errorf("unsafe: %v", got)
			}
			if s.denied == http.MethodDelete {
				return
			}
			if len(s.objects) > 0 {
				t.Errorf("left: %v", s.objects)
			}
			for key, n := range s.old {
				if n != 0 {
					t.Errorf("%d versions of %s are left", n, key)
				}
			}
		})
	}
}

// Such stores are as safe as others for locks: they are to be known all the same.
func TestWhatIsSaidOfAStoreThoughItsLocksAreSafe(t *testing.T) {
	for name, tc := range map[string]struct {
		store       *store
		gone, names probe.Answer
		words       []string
	}{
		"a store like S3": {
			&store{versioning: "Enabled"},
			probe.Holds, probe.Holds,
			[]string{"A release shows who released", "States with // in their key are kept here under that key"},
		},
		"a delete of nothing is answered as done": {
			&store{deletesNone: true}, probe.Ignored, probe.Holds,
			[]string{"A release does not show who released"},
		},
		"two slashes are one": {
			&store{collapses: true, versioning: "Enabled"}, probe.Holds, probe.Ignored,
			[]string{"States with // in their key cannot be kept here under that key", "apart from their rows"},
		},
		"a key with two slashes is not found": {
			&store{refusesTwo: http.StatusNotFound}, probe.Holds, probe.Rejected,
			[]string{"States with // in their key cannot be kept here under that key", "refuses such keys"},
		},
		"a key with two slashes is refused": {
			&store{refusesTwo: http.StatusBadRequest}, probe.Holds, probe.Rejected,
			[]string{"States with // in their key cannot be kept here under that key", "refuses such keys"},
		},
		"a key with two slashes fails": {
			&store{refusesTwo: http.StatusInternalServerError}, probe.Holds, probe.NotKnown,
			[]string{"Whether states with // in their key can be kept here is not known", "a key with // could not be tried: InvalidArgument"},
		},
		"reads are denied": {
			&store{denied: http.MethodGet}, probe.Holds, probe.NotKnown,
			[]string{"A release shows who released", "a key with // could not be tried: AccessDenied"},
		},
		"deletes are denied": {
			&store{denied: http.MethodDelete}, probe.NotKnown, probe.NotKnown,
			[]string{"Whether a release shows who released is not known"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := serve(t, tc.store)
			r := probe.Bucket(t.Context(), client, "states")
			if r.DeleteAbsent != tc.gone || r.DoubleSlash != tc.names {
				t.Errorf("%+v", r)
			}
			for _, want := range tc.words {
				if words := strings.Join(r.Words(), "\n"); !strings.Contains(words, want) {
					t.Errorf("does not say %q:\n%s", want, words)
				}
			}
			if silent := r.Silent(); (silent != "") != (tc.gone == probe.Ignored) {
				t.Errorf("silent: %q", silent)
			}
			if tc.store.denied == http.MethodDelete {
				return
			}
			if r.Fails() || r.Warning() != "" || r.UnsafeUnlock() != "" || r.UnsafePrune() != "" {
				t.Errorf("locks are not safe: %+v", r)
			}
			for key, n := range tc.store.old {
				if n != 0 || len(tc.store.objects) > 0 {
					t.Errorf("left: %v, %d versions of %s", tc.store.objects, n, key)
				}
			}
		})
	}
}

// A lock is as safe where a write over something is not: it is a repair that must not begin.
func TestWhatIsSaidOfAStoreThatARepairWritesOver(t *testing.T) {
	for name, tc := range map[string]struct {
		store   *store
		replace probe.Answer
		words   string
		unsafe  string
	}{
		"a store like S3": {&store{versioning: "Enabled"}, probe.Holds, "Repair is safe here", ""},
		"a write over something ignores its condition": {
			&store{ignoreReplace: true}, probe.Ignored, "Repair is not safe here",
			"states ignores the condition of a write over something",
		},
		"such writes are not implemented": {
			&store{rejectReplace: http.StatusNotImplemented}, probe.Rejected, "Repair does not work here",
			"states refuses writes on condition of what was read",
		},
		"such writes are an invalid request": {
			&store{rejectReplace: http.StatusBadRequest}, probe.Rejected, "Repair does not work here",
			"states refuses writes on condition of what was read",
		},
		"such writes fail": {
			&store{rejectReplace: http.StatusInternalServerError}, probe.NotKnown, "Whether repair is safe here is not known",
			"whether states writes over something only if it is what was read is not known: a write over something could not be tried",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, rows := serve(t, tc.store)
			r := probe.Bucket(t.Context(), client, "states")
			if words := strings.Join(r.Words(), "\n"); r.Replace != tc.replace || !strings.Contains(words, tc.words) {
				t.Errorf("%+v does not say %q:\n%s", r, tc.words, words)
			}
			if got := r.UnsafeRepair(); !strings.HasPrefix(got, tc.unsafe) || (got == "") != (tc.unsafe == "") {
				t.Errorf("a repair is unsafe because %q", got)
			}
			if r.Warning() != "" || r.UnsafeUnlock() != "" || r.UnsafePrune() != "" {
				t.Errorf("locks are not safe: %+v", r)
			}
			for key, n := range tc.store.old {
				if n != 0 || len(tc.store.objects) > 0 {
					t.Errorf("left: %v, %d versions of %s", tc.store.objects, n, key)
				}
			}
			if tc.store.rejectReplace != 0 {
				return
			}
			if table := probe.Table(t.Context(), rows, "locks"); table.Replace != tc.replace || (table.UnsafeRepair() == "") != (tc.unsafe == "") || len(tc.store.rows) > 0 {
				t.Errorf("the table: %+v, left: %v", table, tc.store.rows)
			}
		})
	}
}

// What makes a prune unsafe makes a repair unsafe too.
func TestARepairNeedsLocks(t *testing.T) {
	client, _ := serve(t, &store{ignoreCreate: true})
	if r := probe.Bucket(t.Context(), client, "states"); r.UnsafeRepair() != r.UnsafePrune() || r.UnsafeRepair() == "" {
		t.Errorf("%q", r.UnsafeRepair())
	}
}

// What a crash leaves is neither a lock nor a state to anybody, and says what it is.
func TestTheScratchObjectDescribesItself(t *testing.T) {
	s := &store{denied: http.MethodDelete}
	client, _ := serve(t, s)
	probe.Bucket(t.Context(), client, "states")
	for path, body := range s.objects {
		key := strings.TrimPrefix(path, "/states/")
		if !strings.HasPrefix(key, probe.Prefix) || strings.HasSuffix(key, ".tflock") || strings.HasSuffix(key, ".tfstate") {
			t.Errorf("it is named %s", key)
		}
		if !strings.Contains(body, "Lockwarden wrote this") || !strings.Contains(body, "Delete it") {
			t.Errorf("it says %q", body)
		}
	}
	if len(s.objects) != 1 {
		t.Errorf("left: %v", s.objects)
	}
}

func TestTwoProbesAtOnceDoNotMeet(t *testing.T) {
	client, _ := serve(t, &store{versioning: "Enabled"})
	reports := make(chan probe.Report)
	for range 8 {
		go func() { reports <- probe.Bucket(t.Context(), client, "states") }()
	}
	for range 8 {
		if r := <-reports; r.UnsafePrune() != "" {
			t.Errorf("%+v", r)
		}
	}
}
