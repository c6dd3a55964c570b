package unlock_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// hostileIDs are IDs that somebody with write access to one key can put into a lock.
// Those that are objects in the file are written as their JSON says.
func hostileIDs(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "hostile-ids.json"))
	var cases map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(raw, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{"a prefix and an ID": "ID: " + victim, "a whole block": "Lock Info:\n  ID:        " + victim + "\n  Path:      PATH\n"}
	for name, one := range cases {
		var text string
		var info struct{ ID string }
		if json.Unmarshal(one, &text) != nil && json.Unmarshal(one, &info) == nil {
			text = info.ID
			ids[name+", whole"] = string(one)
		}
		ids[name] = text
	}
	return ids
}

const victim = "11111111-2222-3333-4444-555555555555"

// Whatever ID a lock has, with its path only that lock goes: it is the ID, and no text
// that names another.
func TestAHostileIDReleasesItsOwnLockOnly(t *testing.T) {
	w := newWorld(t)
	for name, id := range hostileIDs(t) {
		t.Run(name, func(t *testing.T) {
			w.clear()
			id = strings.ReplaceAll(id, "PATH", string(w.Path("other/terraform.tfstate")))
			w.Lock("mine", id, w.Set.All()...)
			w.Lock("other/terraform.tfstate", victim, w.Set.All()...)
			payload, err := json.Marshal(map[string]string{"path": string(w.Path("mine")), "lock_id": id, "reason": "test"})
			if err != nil {
				t.Fatal(err)
			}
			r, err := unlock.ParseRequest(payload)
			if err != nil {
				t.Fatal(err)
			}
			a, err := w.run(&local.Wire{}, r)
			if err != nil || a.Outcome != unlock.Released || a.Lock.Path != string(w.Path("mine")) {
				t.Errorf("got %+v, %v", a, err)
			}
			if got := w.held(); !slices.Equal(got, []string{"other/terraform.tfstate " + victim + " [dynamodb s3]"}) {
				t.Errorf("left %q", got)
			}
			if a, err = w.run(&local.Wire{}, r); err != nil || a.Outcome != unlock.NotFound || len(w.held()) != 1 {
				t.Errorf("again: %+v, %v, left %q", a, err, w.held())
			}
		})
	}
}

// An ID on many states: a short answer, whose choices can be pasted back.
func TestAmbiguousIsShortAndCanBeAnswered(t *testing.T) {
	w := newWorld(t)
	for i := range 12 {
		w.Lock(fmt.Sprintf("k%02d", i), "same", w.Set.Buckets[0])
	}
	a, err := w.run(&local.Wire{}, request(w, "same", ""))
	if err != nil || a.Outcome != unlock.Ambiguous || !strings.Contains(a.Message, "12 states") || len(a.NextSteps) > 8 || strings.Contains(a.Message, "k00") {
		t.Fatalf("got %+v, %v", a, err)
	}
	choice := ""
	for _, step := range a.NextSteps {
		if _, rest, ok := strings.Cut(step, "Choice: "); ok && choice == "" {
			choice = rest
		}
	}
	r, err := unlock.ParseRequest([]byte(strings.TrimSuffix(choice, "}") + `,"reason":"test"}`))
	if err != nil {
		t.Fatalf("%s: %v", choice, err)
	}
	if a, err = w.run(&local.Wire{}, r); err != nil || a.Outcome != unlock.Released || len(w.held()) != 11 {
		t.Errorf("got %+v, %v", a, err)
	}
}

// Copies of an ID do not hide the lock that it is really of, which is the oldest: neither
// many of them, nor such whose paths come first, in objects and in rows.
func TestCopiesOfAnIDDoNotHideTheRealLock(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ real, copies func(w *world) backend.Store }{
		"an object, copied into objects": {func(w *world) backend.Store { return w.Set.Buckets[0] }, func(w *world) backend.Store { return w.Set.Buckets[0] }},
		"a row, copied into objects":     {func(w *world) backend.Store { return w.Set.Tables[0] }, func(w *world) backend.Store { return w.Set.Buckets[0] }},
		"a row, copied into rows":        {func(w *world) backend.Store { return w.Set.Tables[0] }, func(w *world) backend.Store { return w.Set.Tables[0] }},
		"an object, copied into rows":    {func(w *world) backend.Store { return w.Set.Buckets[0] }, func(w *world) backend.Store { return w.Set.Tables[0] }},
	} {
		for _, scanned := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", after a scan ", scanned), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.scan()
				w.Lock("production/terraform.tfstate", victim, tc.real(w))
				time.Sleep(time.Second) // S3's times have no fractions of a second
				for i := range 30 {
					w.Lock(fmt.Sprintf("a-sandbox/%02d", i), victim, tc.copies(w))
				}
				if scanned {
					w.scanAfter(time.Minute)
				}
				a, err := w.run(&local.Wire{}, request(w, victim, ""))
				if err != nil || a.Outcome != unlock.Ambiguous || !slices.Contains(a.NextSteps, fmt.Sprintf(`Choice: {"path":%q,"lock_id":%q}`, w.Path("production/terraform.tfstate"), victim)) {
					t.Errorf("got %+v, %v", a, err)
				}
			})
		}
	}
}

// Text that is also the whole ID of a lock names neither for certain.
func TestATextThatIsALocksIDIsAmbiguous(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", victim, w.Set.Buckets[0])
	w.Lock("mine", "ID: "+victim, w.Set.Buckets[0])
	for _, left := range []int{2, 1} {
		a, err := w.run(&local.Wire{}, request(w, "ID: "+victim, ""))
		if err != nil || a.Outcome != unlock.Ambiguous || len(w.held()) != left || !strings.Contains(strings.Join(a.NextSteps, "\n"), `"lock_id":"ID:\u0020`+victim+`"`) {
			t.Errorf("got %+v, %v", a, err)
		}
		if a, err = w.run(&local.Wire{}, request(w, victim, fmt.Sprintf(`,"path":%q`, w.Path("k")))); err != nil || (left == 2) != (a.Outcome == unlock.Released) {
			t.Errorf("by ID and path: %+v, %v", a, err)
		}
	}
}

// A path in pasted text that leads nowhere does not hide the lock; the payload's own does.
func TestAPathInTextThatLeadsNowhere(t *testing.T) {
	w := newWorld(t)
	text := "Lock Info:\n  ID:        " + victim + "\n  Path:      ***/team/prod/k\n"
	w.Lock("team/prod/k", victim, w.Set.All()...)
	if a, err := w.run(&local.Wire{}, request(w, victim, `,"path":"nowhere/team/prod/k"`)); err != nil || a.Outcome != unlock.NotFound {
		t.Errorf("the payload's path: %+v, %v", a, err)
	}
	if a, err := w.run(&local.Wire{}, request(w, text, "")); err != nil || a.Outcome != unlock.Released || a.Lock.Path != string(w.Path("team/prod/k")) {
		t.Errorf("the text's path: %+v, %v", a, err)
	}
}

// A dry run says one thing: that the lock would go, or why it would not.
func TestADryRunSaysOneThing(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", "named", w.Set.Tables[0])
	for _, more := range []string{`,"dry_run":true`, `,"dry_run":true,"force":true`} {
		for range 2 {
			a, err := w.run(&local.Wire{}, request(w, "named", more))
			if err != nil || strings.Contains(a.Message, "would be released") && strings.Contains(a.Message, "alive") {
				t.Errorf("%s: %s, %v", more, a.Message, err)
			}
			w.scan()
		}
	}
}

// Where another half could be and nobody looks, the answer says so.
func TestPlacesThatAreNotWatchedAreNamed(t *testing.T) {
	const accessPoint = "arn:aws:s3:eu-central-1:123456789012:accesspoint/states"
	w := newWorld(t)
	table, err := backend.Open(server.Config(), []string{w.TableARN}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		accessPoint + "/k":   "begins with an access point",
		"states-x-s3alias/k": "begins with an access point",
		"elsewhere/k":        "The bucket elsewhere is not watched",
	} {
		if err := local.TakeLock(t.Context(), tflock.Path(path), "named", table.Tables[0]); err != nil {
			t.Fatal(err)
		}
		a, err := w.run(&local.Wire{}, request(w, "named", fmt.Sprintf(`,"force":true,"path":%q`, path)))
		if steps := strings.Join(a.NextSteps, "\n"); err != nil || a.Outcome != unlock.Released || !strings.Contains(steps, says) {
			t.Errorf("%s: %q, %v", path, steps, err)
		}
	}
	w.TableARN = ""
	w.Lock("k", "named", w.Set.Buckets[0])
	a, err := w.run(&local.Wire{}, request(w, "named", ""))
	if steps := strings.Join(a.NextSteps, "\n"); err != nil || a.Outcome != unlock.Released || !strings.Contains(steps, "No lock table is watched") {
		t.Errorf("no table: %q, %v", steps, err)
	}
}

// More copies of an ID than the ledger is asked about, beside the lock that it is really of and
// under the same first part of the key: the copies that nobody was asked about are not taken for
// the oldest ones.
func TestManyCopiesOfAnIDDoNotHideTheRealLock(t *testing.T) {
	const victim = "78007e4f-7284-5b8c-b34c-620445a03e9c"
	w := newWorld(t)
	w.scan()
	w.Lock("teams/b/prod/terraform.tfstate", victim, w.Set.Tables[0])
	w.scan()
	var group errgroup.Group
	group.SetLimit(8)
	for i := range 120 {
		group.Go(func() error {
			return local.TakeLock(context.Background(), w.Path(fmt.Sprintf("teams/a/%03d", i)), victim, w.Set.Tables[0])
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	w.scan()
	a, err := w.run(&local.Wire{}, request(w, victim, ""))
	if err != nil || a.Outcome != unlock.Ambiguous || !slices.Contains(a.NextSteps, fmt.Sprintf(`Choice: {"path":%q,"lock_id":%q}`, w.Path("teams/b/prod/terraform.tfstate"), victim)) {
		t.Errorf("%+v, %v", a, err)
	}
}
