package inventory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Whatever two writers did between two inventories is found, each change once, with both of
// its versions. What one writer does after the other is not.
func TestTwoWritersBetweenTwoInventories(t *testing.T) {
	t.Parallel()
	queue := object("aws_sqs_queue", `{"arn":"arn:aws:sqs:eu-west-1:123456789012:jobs","id":"jobs"}`)
	sealed := func(serial int, data string) string {
		return fmt.Sprintf(`{"serial":%d,"lineage":"one","meta":{},"encrypted_data":%q,"encryption_version":"v0"}`, serial, data)
	}
	const deleted = ""
	for name, tc := range map[string]struct {
		versions []string // after serial 5 of lineage one, the oldest first
		want     []string // type, and the places of both versions among these; -1 is the one before
	}{
		"one apply":                            {[]string{stateOf(6, "one")}, nil},
		"an apply with snapshots":              {[]string{stateOf(6, "one"), stateOf(7, "one"), stateOf(8, "one")}, nil},
		"the same bytes again":                 {[]string{stateOf(6, "one"), stateOf(6, "one"), stateOf(7, "one")}, nil},
		"two writers of one serial":            {[]string{stateOf(6, "one"), stateOf(6, "one", queue)}, []string{"serial_reused 0 1"}},
		"two writers, and an apply after them": {[]string{stateOf(6, "one"), stateOf(6, "one", queue), stateOf(7, "one")}, []string{"serial_reused 0 1"}},
		"two writers, twice":                   {[]string{stateOf(6, "one"), stateOf(6, "one", queue), stateOf(7, "one"), stateOf(7, "one", queue)}, []string{"serial_reused 0 1", "serial_reused 2 3"}},
		"two writers of the serial that was":   {[]string{stateOf(5, "one", queue), stateOf(6, "one")}, []string{"serial_reused -1 0"}},
		"the slower writer of two":             {[]string{stateOf(6, "one"), stateOf(7, "one"), stateOf(6, "one", queue), stateOf(8, "one")}, []string{"serial_decreased 1 2"}},
		"an older state, and applies after it": {[]string{stateOf(9, "one"), stateOf(4, "one"), stateOf(10, "one")}, []string{"serial_decreased 0 1"}},
		"another state, and back":              {[]string{stateOf(1, "two"), stateOf(6, "one")}, []string{"lineage_changed -1 0", "lineage_changed 0 1"}},
		"a new state after a delete":           {[]string{deleted, stateOf(1, "two"), stateOf(2, "two")}, nil},
		"a delete between two states":          {[]string{stateOf(6, "one"), deleted, stateOf(1, "two")}, nil},
		"two writers, and a delete after them": {[]string{stateOf(6, "one"), stateOf(6, "one", queue), deleted, stateOf(1, "two")}, []string{"serial_reused 0 1"}},
		"two writers after a delete":           {[]string{deleted, stateOf(6, "two"), stateOf(6, "two", queue)}, []string{"serial_reused 1 2"}},
		"what is not a state, and a state":     {[]string{"no state", stateOf(6, "one")}, nil},
		"an encrypted state that is rewritten": {[]string{sealed(6, "QUJD"), sealed(6, "REVG"), sealed(7, "QUJD")}, nil},
		"an encrypted state that goes back":    {[]string{sealed(6, "QUJD"), sealed(4, "REVG"), sealed(7, "QUJD")}, []string{"serial_decreased 0 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ids := map[string]int{w.apply(key, stateOf(5, "one")): -1}
			w.run()
			for n, content := range tc.versions {
				if content == deleted {
					time.Sleep(1100 * time.Millisecond) // what happens in the second of a delete is not judged
					w.Remove(key)
					time.Sleep(1100 * time.Millisecond)
					continue
				}
				ids[w.apply(key, content)] = n
			}
			i := w.inventory(w.config())
			i.Writers = sessions(func(time.Time) string { return "gh-1" })
			report, err := i.Run(context.Background(), inventory.Request{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range report.Findings {
				b, a := f.Evidence.Before, f.Evidence.After
				got = append(got, fmt.Sprintf("%s %d %d", f.Type, ids[b.VersionID], ids[a.VersionID]))
				for _, v := range []*policy.StateVersion{b, a} {
					if v.VersionID == "" || v.WrittenBy != "gh-1" || v.LastModified.IsZero() || !strings.Contains(f.Text, v.VersionID) {
						t.Errorf("%+v: %s", v, f.Text)
					}
				}
			}
			slices.Sort(got)
			w.want("findings", got, tc.want...)
			if news := w.news(); len(news) != len(tc.want) {
				t.Errorf("people heard %q", news)
			}
			w.run()
			w.want("people, later", w.news())
		})
	}
}

// A state has more versions than one run reads: the newest are compared, and the rest is said.
func TestMoreVersionsThanOneRunReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(key, stateOf(5, "one"))
	w.run()
	for n := range 110 {
		w.put(key, stateOf(6+n, "one"))
	}
	w.put(key, stateOf(115, "one", object("aws_eip", `{"id":"x"}`)))
	w.apply(key, stateOf(116, "one"))
	g := &guard{}
	report, err := w.inventory(g.config()).Run(context.Background(), inventory.Request{})
	if err != nil {
		t.Fatal(err)
	}
	w.want("findings", w.found(report), "serial_reused of "+key)
	if errors := strings.Join(report.Errors, " "); !strings.Contains(errors, "11 versions since ") {
		t.Errorf("%q", errors)
	}
	if reads := g.taken(); reads[w.Path(key)] != 101 {
		t.Errorf("%v", reads)
	}
}

// The time is up while the versions of a state are compared: it is said, and the rest goes on.
func TestTheTimeIsUpAmongTheVersionsOfAState(t *testing.T) {
	t.Parallel()
	w, g := newWorld(t), &guard{}
	w.apply(key, stateOf(5, "one"))
	w.run()
	for n := range 10 {
		w.apply(key, stateOf(6+n, "one"))
	}
	var clock sync.Mutex
	now := time.Now()
	w.now = func() time.Time { clock.Lock(); defer clock.Unlock(); return now }
	g.reading = func() { clock.Lock(); defer clock.Unlock(); now = now.Add(3 * time.Minute) } // a slow store
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	report, err := w.inventory(g.config()).Run(ctx, inventory.Request{})
	if err != nil || report.Read != 1 || !strings.Contains(strings.Join(report.Errors, " "), "6 versions since ") {
		t.Errorf("%+v, %v", report, err)
	}
}

// A version in between cannot be read. What is there before and after it is compared.
func TestAVersionThatCannotBeReadIsPassedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(key, stateOf(5, "one"))
	w.run()
	w.apply(key, stateOf(9, "one"))
	lost := w.apply(key, stateOf(10, "one"))
	w.apply(key, stateOf(4, "one"))
	g := &guard{version: lost, fault: "AccessDenied"}
	report, err := w.inventory(g.config()).Run(context.Background(), inventory.Request{})
	if err != nil {
		t.Fatal(err)
	}
	w.want("findings", w.found(report), "serial_decreased of "+key)
	if b := report.Findings[0].Evidence.Before; b.Serial == nil || *b.Serial != 9 {
		t.Errorf("%+v", b)
	}
}
