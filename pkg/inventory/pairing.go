package inventory

import (
	"maps"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	// maxSharing bounds the states of one prefix that are compared because they manage the same
	// object: it is in a module's copies where it is in more.
	maxSharing = 50
	// maxSharingInAll bounds those of all prefixes.
	maxSharingInAll = 200
	// maxLooks bounds how often pairs of states of the same two prefixes are looked at in a run.
	maxLooks = 1 << 22
)

// pairing gives the pairs of states that manage the same object. Their number grows with the
// square of the states, so that whoever copies a state thousands of times would take the time of
// all: each prefix has a share.
type pairing struct {
	states   []*state
	prefix   []string // of each state
	includes func(tflock.Path) bool
	found    func(a, b *state, name uint64)
	looks    map[[2]string]int // by prefixes
	left     map[string]int    // how often a state was left out, by prefix
}

func newPairing(states []*state, includes func(tflock.Path) bool, found func(a, b *state, name uint64)) *pairing {
	p := &pairing{states: states, includes: includes, found: found, looks: map[[2]string]int{}, left: map[string]int{}}
	for _, s := range states {
		p.prefix = append(p.prefix, s.Path.Prefix())
	}
	return p
}

// addPairs finds the pairs of the states that manage one object, in the order of their paths.
func (p *pairing) addPairs(same []owned) {
	if len(same) < 2 {
		return
	}
	if len(same) > maxSharing {
		same = p.few(same)
	}
	for i, a := range same {
		for _, b := range same[i+1:] {
			if !p.includes(p.states[a.state].Path) && !p.includes(p.states[b.state].Path) {
				continue
			}
			both := twoPrefixes(p.prefix[a.state], p.prefix[b.state])
			if p.looks[both]++; p.looks[both] > maxLooks {
				continue
			}
			p.found(p.states[a.state], p.states[b.state], a.name)
		}
	}
}

// few returns the first states of each prefix, as many of each as there is room for. The one that
// was asked for is among them.
func (p *pairing) few(same []owned) []owned {
	byPrefix := map[string][]owned{}
	for _, o := range same {
		prefix := p.prefix[o.state]
		byPrefix[prefix] = append(byPrefix[prefix], o)
	}
	share := newRoom(maxSharingInAll)
	level := maxSharing
	for prefix, states := range byPrefix {
		share.add(prefix, min(len(states), maxSharing))
	}
	if share.full() {
		level, _ = share.clear()
		level = max(level, 1)
	}
	var few []owned
	for _, prefix := range slices.Sorted(maps.Keys(byPrefix)) {
		states := byPrefix[prefix]
		for i, o := range states {
			if i < level && len(few) < maxSharingInAll || p.asked(o) {
				few = append(few, o)
			} else {
				p.left[prefix]++
			}
		}
	}
	slices.SortFunc(few, func(a, b owned) int { return int(a.state - b.state) })
	return few
}

// unsure reports whether two states with these paths may share an object although they were not
// looked at.
func (p *pairing) unsure(a, b tflock.Path) bool {
	return p.left[a.Prefix()] > 0 || p.left[b.Prefix()] > 0 || p.looks[twoPrefixes(a.Prefix(), b.Prefix())] > maxLooks
}

// crowded are the prefixes whose states were not all compared.
func (p *pairing) crowded() map[string]int {
	all := maps.Clone(p.left)
	for both, looks := range p.looks {
		if looks > maxLooks {
			all[both[0]]++
			all[both[1]]++
		}
	}
	return all
}

func twoPrefixes(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// asked reports whether a run is of this state alone.
func (p *pairing) asked(o owned) bool {
	return !p.includes("") && p.includes(p.states[o.state].Path)
}
