package inventory

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// copies is a memory with many copies of one state under a-team/, and two states of production
// that manage one of the same objects and one of their own.
func copies(n int) *run {
	r := &run{memory: &memory{states: map[tflock.Path]*state{}}, said: newSaid()}
	put := func(path tflock.Path, objects ...uint64) {
		r.memory.states[path] = &state{Path: path, ETag: "e", Read: &reading{ETag: "e", Objects: objects}}
	}
	for i := range n {
		put(tflock.Path(fmt.Sprintf("states/a-team/%05d/terraform.tfstate", i)), 1, 2, 3)
	}
	put("states/production/a", 2, 9)
	put("states/production/b", 2, 9)
	return r
}

// Whoever copies a state thousands of times neither takes the time of an inventory nor hides what
// two states of others share.
func TestCopiesOfOneStateTakeNoTimeFromOthers(t *testing.T) {
	t.Parallel()
	r := copies(20_000)
	from := time.Now()
	pairs := r.suspectPairs()
	if took := time.Since(from); took > 10*time.Second { // it was hours
		t.Errorf("it took %s", took)
	}
	both := pairs[pair{r.memory.states["states/production/a"], r.memory.states["states/production/b"]}]
	if both == nil || both.count != 2 {
		t.Errorf("production's pair: %+v", both)
	}
	if !slices.ContainsFunc(r.noted(), func(note string) bool {
		return strings.Contains(note, "not all of them were compared") && strings.Contains(note, "a-team")
	}) {
		t.Errorf("it says %q", r.noted())
	}
}

// A run of one state finds its pairs, wherever it comes among the copies.
func TestTheStateThatIsAskedForIsAmongItsCopies(t *testing.T) {
	t.Parallel()
	r := copies(1000)
	r.scope = "states/a-team/00999/terraform.tfstate"
	pairs := r.suspectPairs()
	if len(pairs) < maxSharing {
		t.Errorf("%d pairs", len(pairs))
	}
	for p := range pairs {
		if p.a.Path != r.scope && p.b.Path != r.scope {
			t.Errorf("%s and %s", p.a.Path, p.b.Path)
		}
	}
}
