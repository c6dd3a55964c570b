package tflock

import (
	"slices"
	"strings"
)

// maxCrowds bounds the folders that are distinguished below a top-level prefix.
const maxCrowds = 5

// Crowds are folders of which not everything is known, since there was too much. Those of one top-level prefix
// are few: beyond that two of them become the one that both are in. The zero value has none.
type Crowds struct {
	under map[string][]Path // by top-level prefix
}

// Add adds the folder of a path, which is the path itself where its key has none.
func (c *Crowds) Add(path Path) {
	if _, has := c.Of(path); has {
		return
	}
	if c.under == nil {
		c.under = map[string][]Path{}
	}
	prefix, folder := path.Prefix(), Folder(path, path)
	if prefix == path.Bucket() {
		folder = path
	}
	all := slices.Concat(c.under[prefix], []Path{folder})
	if len(all) > maxCrowds {
		folder = nearest(all)
	}
	all = slices.DeleteFunc(all, func(within Path) bool { return strings.HasPrefix(string(within), string(folder)) })
	c.under[prefix] = append(all, folder)
}

// nearest is the deepest folder that two of some paths are both in. Those of one team are closer to each other than to
// those of any other, so that many of them become one, and none becomes one with another team's.
func nearest(all []Path) Path {
	var deepest Path
	for i, a := range all {
		for _, b := range all[:i] {
			if shared := Folder(a, b); len(shared) > len(deepest) {
				deepest = shared
			}
		}
	}
	return deepest
}

// Of returns the folder of these that a path is in, if any.
func (c *Crowds) Of(path Path) (folder Path, has bool) {
	if len(c.under) == 0 { // nearly always
		return "", false
	}
	for _, prefix := range []string{path.Prefix(), path.Bucket()} {
		for _, folder := range c.under[prefix] {
			if strings.HasPrefix(string(path), string(folder)) {
				return folder, true
			}
		}
	}
	return "", false
}

// All returns the folders, sorted: each ends in a slash, or is a whole path.
func (c *Crowds) All() []Path {
	var all []Path
	for _, folders := range c.under {
		all = append(all, folders...)
	}
	slices.Sort(all)
	return all
}

// Prefixes is how many top-level prefixes they are under.
func (c *Crowds) Prefixes() int { return len(c.under) }
