package backend

import (
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// accessPoints are those that rows begin with, each with its slash, and the keys behind them. Which bucket an access point leads to is not
// known, so a key there may be of any team: where one of them has many, nothing may follow from that for others. Its rows are then read one
// by one, for the states that somebody asks for.
type accessPoints struct {
	keys map[string]map[string]bool // nil for one that has many
	many int                        // how many have
}

const (
	manyKeys = 1000 // of one access point
	// maxMany bounds the rows that are read for one state, and maxPoints the memory. Where there are more, the names of no state are known.
	maxMany   = 50
	maxPoints = 500
)

// keep notes a key behind an access point.
func (p *accessPoints) keep(point, key string) {
	keys, known := p.keys[point]
	switch {
	case !known && len(p.keys) > maxPoints:
		return
	case p.keys == nil:
		p.keys = map[string]map[string]bool{}
	}
	switch {
	case !known:
		p.keys[point] = map[string]bool{key: true}
	case keys == nil:
	case len(keys) == manyKeys:
		p.ask(point)
	default:
		keys[key] = true
	}
}

// ask has the rows of an access point read one by one.
func (p *accessPoints) ask(point string) {
	if keys, known := p.keys[point]; !known || keys != nil {
		p.keys[point] = nil
		p.many++
	}
}

func (p *accessPoints) add(other accessPoints) {
	for point, keys := range other.keys {
		for key := range keys {
			p.keep(point, key)
		}
		if keys == nil {
			p.keep(point, "")
			p.ask(point)
		}
	}
}

// names are those under which a state may have a row.
func (p *accessPoints) names(path tflock.Path) []tflock.Path {
	var names []tflock.Path
	key := path.Key()
	for point, keys := range p.keys {
		if keys == nil || keys[key] {
			names = append(names, tflock.Path(point+key))
		}
	}
	slices.Sort(names)
	return names
}

// full returns an access point where there are too many of them to know the names of a state.
func (p *accessPoints) full() (point string, full bool) {
	if p.many <= maxMany && len(p.keys) <= maxPoints {
		return "", false
	}
	for name := range p.keys {
		if point == "" || name < point {
			point = name
		}
	}
	return point, true
}

// pointOf returns the access point that a name begins with whose key is clean; empty: it is no such name.
func pointOf(name tflock.Path) string {
	key, through := name.AccessPointKey()
	if behind := tflock.NewPath("-", key); !through || key == "" || behind.Clean() != behind {
		return ""
	}
	return strings.TrimSuffix(string(name), key)
}
