package inventory

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

const (
	// perPass bounds the hashes that are compared at once: 16 MB of memory.
	perPass = 1 << 20
	// maxPairs bounds the pairs of states that are reported: an object in a thousand states
	// makes half a million.
	maxPairs = 1000
	// maxResources is how many objects a finding names.
	maxResources = 20
	// maxNames bounds their names, in bytes of JSON.
	maxNames = 8 << 10
	// sampled is how many of the objects that a pair shares are looked for again, so that
	// copies of a large state take no more memory than others.
	sampled = 50
)

// pair is two states, by their paths in order.
type pair struct{ a, b *state }

// shared is what both states of a pair manage.
type shared struct {
	count int
	names []uint64 // hashed, of the first ones as the hashes sort
}

// duplicates finds the objects that two states manage. Those that the memory shows are
// looked for again in the states themselves: only what both still have is reported.
func (r *run) duplicates() []policy.StateFinding {
	pairs := r.suspectPairs()
	if len(pairs) == 0 {
		return nil
	}
	var found []policy.StateFinding
	for p := range pairs {
		if f := r.knownDuplicate(p); f != nil {
			found = append(found, *f)
			delete(pairs, p)
		}
	}
	fresh := r.findAgain(pairs)
	for p, both := range pairs {
		if fresh[p.a] == nil || fresh[p.b] == nil {
			continue
		}
		if f, ok := duplicate(p, *both, fresh[p.a], fresh[p.b]); ok {
			found = append(found, f)
		}
	}
	if len(r.tablesFailed) > 0 {
		for n := range found {
			found[n].Text += ofTables
		}
	}
	return found
}

// findAgain returns the shared objects that each state of these pairs still has. Those of each prefix come in turn, the smallest first.
func (r *run) findAgain(pairs map[pair]*shared) map[*state]map[uint64]policy.Resource {
	ctx, cancel := r.times.half()
	defer cancel()
	fresh := map[*state]map[uint64]policy.Resource{}
	sought := soughtIn(pairs)
	bySize := func(a, b *state) int { return cmp.Or(cmp.Compare(a.Size, b.Size), byPath(a, b)) }
	waiting := newQueue(slices.SortedFunc(maps.Keys(sought), bySize), func(s *state) tflock.Path { return s.Path }, bySize)
	var mu sync.Mutex
	waiting.each(func(s *state) {
		objects, err := r.find(ctx, s, sought[s])
		if err != nil {
			r.failAt(s.Path, fmt.Errorf("the duplicates of %s could not be looked at again: %w", plain.Quoted(s.Path), err))
		}
		if objects == nil {
			r.doubts.duplicate(s.Path)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		fresh[s] = objects
	})
	return fresh
}

// soughtIn returns the hashed names of the objects to look for in each state.
func soughtIn(pairs map[pair]*shared) map[*state]map[uint64]bool {
	sought := map[*state]map[uint64]bool{}
	for p, both := range pairs {
		for _, s := range []*state{p.a, p.b} {
			if sought[s] == nil {
				sought[s] = map[uint64]bool{}
			}
			for _, name := range both.names {
				sought[s][name] = true
			}
		}
	}
	return sought
}

func byPath(a, b *state) int { return cmp.Compare(a.Path, b.Path) }

// suspectPairs returns the pairs of states that share names. It
// compares a part of all hashes at a time, so that its memory does not grow with them.
func (r *run) suspectPairs() map[pair]*shared {
	states := slices.SortedFunc(maps.Values(r.memory.states), byPath)
	total := 0
	for _, s := range states {
		if s.Read != nil {
			total += len(s.Read.Objects)
		}
	}
	passes := uint64(total/perPass + 1) //nolint:gosec // a count
	pairs := map[pair]*shared{}
	r.pairs = newRoom(maxPairs)
	r.pairing = newPairing(states, r.includes, func(a, b *state, name uint64) { r.addPair(pairs, a, b, name) })
	var all []owned
	for pass := range passes {
		all = ownedNames(all[:0], states, func(name uint64) bool { return name%passes == pass })
		names := all
		for len(names) > 0 { // the same names are one after the other
			n := 1
			for n < len(names) && names[n].name == names[0].name {
				n++
			}
			r.pairing.addPairs(names[:n])
			names = names[n:]
		}
	}
	if crowded := r.pairing.crowded(); len(crowded) > 0 {
		r.remark(fmt.Sprintf("the same resources are in very many states under %s: not all of them were compared with each other", crowd(crowded)))
	}
	if len(r.pairs.limits) > 0 {
		r.remark(fmt.Sprintf("of the states under %s more than %d pairs manage the same resources: the others are not reported yet", crowd(r.pairs.limits), maxPairs))
	}
	return pairs
}

// owned is the hashed name of an object, and the index of the state that manages it.
type owned struct {
	name  uint64
	state int32
}

// ownedNames appends the wanted names of all states to a list, and sorts it.
func ownedNames(names []owned, states []*state, wanted func(name uint64) bool) []owned {
	for n, s := range states {
		if !s.current() {
			continue
		}
		for _, name := range s.Read.Objects {
			if wanted(name) {
				names = append(names, owned{name, int32(n)}) //nolint:gosec // memory ends long before
			}
		}
	}
	slices.SortFunc(names, func(a, b owned) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.state, b.state))
	})
	return names
}

func (r *run) addPair(pairs map[pair]*shared, a, b *state, name uint64) {
	p, prefix := pair{a, b}, prefixes(a.Path, b.Path)
	if pairs[p] == nil && r.pairs.refuses(prefix, 1) {
		return
	}
	if pairs[p] == nil {
		pairs[p] = &shared{}
		r.pairs.add(prefix, 1)
	}
	in := pairs[p]
	if in.count++; len(in.names) < sampled {
		in.names = append(in.names, name)
	}
	if r.pairs.full() {
		r.dropPairs(pairs)
	}
}

// prefixes are those of two states, of which each two have a share of the pairs: copies of one
// team's state leave room for the pairs of all others.
func prefixes(a, b tflock.Path) string {
	if prefix := a.Prefix(); prefix != b.Prefix() {
		return prefix + " and " + b.Prefix()
	}
	return a.Prefix()
}

// dropPairs leaves out the last pairs, as they sort, where some prefixes have too many.
func (r *run) dropPairs(pairs map[pair]*shared) {
	level, _ := r.pairs.clear()
	for _, p := range slices.SortedFunc(maps.Keys(pairs), func(a, b pair) int { return cmp.Or(byPath(b.a, a.a), byPath(b.b, a.b)) }) {
		if prefix := prefixes(p.a.Path, p.b.Path); r.pairs.over(prefix, level) {
			delete(pairs, p)
			r.pairs.add(prefix, -1)
		}
	}
}

// find reads a state again, and returns those of the objects that it still has. It returns nil
// where the state is gone, is locked or cannot be read: a resource may be on its way from
// one state to another.
func (r *run) find(ctx context.Context, s *state, sought map[uint64]bool) (map[uint64]policy.Resource, error) {
	if r.bucketFailed(s.Path) {
		return nil, nil
	}
	lock, err := r.locked(ctx, s.Path)
	if lock == isLocked {
		return nil, err
	}
	body, err := r.stores.BucketOf(s.Path).ReadState(ctx, s.Path, "")
	if _, sealed := errors.AsType[*backend.SealedError](err); sealed || errors.Is(err, backend.ErrGone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // nothing is lost with a body that was read
	names, room := newNamer(r.memory.key), maxNamed
	objects := map[uint64]policy.Resource{}
	_, err = tfstate.Survey(body, func(o tfstate.Object) {
		name, ok := names.of(o)
		if !ok || !sought[name] {
			return
		}
		if _, known := objects[name]; known {
			return
		}
		objects[name] = policy.Resource{} // the others only count
		if named := resource(o); inJSON(named) <= room {
			objects[name], room = named, room-inJSON(named)
		}
	})
	if err != nil {
		return nil, err
	}
	return objects, nil
}

// maxNamed bounds the names of a state's objects that are in memory at once, in bytes of JSON: there may
// be twice as many states as pairs.
const maxNamed = 2 * maxNames

func resource(o tfstate.Object) policy.Resource {
	if namingOf(o) == byID {
		return policy.Resource{Type: string(o.Type), ID: string(o.ID), Region: string(o.Region)}
	}
	arn := arnOf(o)
	if bytes.HasPrefix(o.ID, arn) { // a part, such as the version of a secret, has the ARN of the whole
		arn = o.ID
	}
	return policy.Resource{Type: string(o.Type), ARN: string(arn)}
}

// duplicate is the finding of what two states both have. Objects that were not looked for
// again count where the others are still in both.
func duplicate(p pair, both shared, a, b map[uint64]policy.Resource) (policy.StateFinding, bool) {
	f := policy.StateFinding{
		Type: policy.FindingDuplicateResource, Path: p.a.Path, Severity: policy.SeverityWarning,
		Evidence: policy.StateEvidence{Paths: []tflock.Path{p.a.Path, p.b.Path}},
	}
	var named []policy.Resource
	found := 0
	for _, name := range both.names {
		object, inA := a[name]
		other, inB := b[name]
		if !inA || !inB {
			continue
		}
		found++
		if object.Type == "" {
			object = other
		}
		if object.Type != "" {
			named = append(named, object)
		}
	}
	if found == 0 {
		return f, false
	}
	f.Evidence.Count = both.count - len(both.names) + found
	slices.SortFunc(named, func(a, b policy.Resource) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.ARN, b.ARN), cmp.Compare(a.ID, b.ID))
	})
	f.Evidence.Resources = firstOf(named)
	f.Text = fmt.Sprintf("States %s and %s both manage %s, so that each apply of one can undo the other. %s", plain.Quoted(p.a.Path), plain.Quoted(p.b.Path), counted(f), advice(p))
	return f, true
}

// advice says what to do about a duplicate. Whoever can write a state can have it name resources of
// others: then removing them from the other state is what they want.
func advice(p pair) string {
	const remove = "Keep it in one of them, and remove it from the other with `state rm` or a removed block."
	if p.a.Path.Prefix() == p.b.Path.Prefix() {
		return remove
	}
	return "The two are under different prefixes: ask both owners first, since a state can name what it never managed, and look at who wrote it. " + remove
}

// firstOf are the resources that a finding names: whoever writes a state chooses how long their
// names are.
func firstOf(named []policy.Resource) []policy.Resource {
	left := maxNames
	for i, o := range named {
		if left -= inJSON(o); i == maxResources || (i > 0 && left < 0) {
			return slices.Clone(named[:i])
		}
	}
	return named
}

func counted(f policy.StateFinding) string {
	if f.Evidence.Count == 1 && len(f.Evidence.Resources) == 1 {
		o := f.Evidence.Resources[0]
		return "the same " + o.Type + " (" + plain.Quoted(cmp.Or(o.ARN, o.ID)) + ")"
	}
	return fmt.Sprintf("the same %d resources", f.Evidence.Count)
}
