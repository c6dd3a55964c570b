package tflock

import (
	"slices"
	"strings"
)

// Amount is how much was found: so many items, and what they cost.
type Amount struct {
	Items int
	Cost  int64
}

// Add adds one more item.
func (a *Amount) Add(cost int64) {
	a.Items++
	a.Cost += cost
}

// Reaches reports whether it is as many items as the other, or as much.
func (a Amount) Reaches(other Amount) bool { return a.Items >= other.Items || a.Cost >= other.Cost }

// OpenFolder is what was found in a folder since it was entered.
type OpenFolder struct {
	Amount

	Name string // with its slash
}

// Folders are those that the last key of a listing is in, the deepest last. Where one has much, what is outside of it
// can come first: whoever may write under one prefix could take the time for all that comes after it.
// Which part of a key that is is not known, as for InTurns.
type Folders struct {
	Root string // of the listing: they are below it
	Turn Amount // of a folder, after which others come first

	open  []OpenFolder
	last  string // the one that was postponed last
	depth int    // of that one
}

// deepestOpen bounds the folders below a root that are distinguished.
const deepestOpen = 8

// Find counts an item that a listing shows.
func (f *Folders) Find(key string, cost int64) {
	for len(f.open) > 0 && !strings.HasPrefix(key, f.open[len(f.open)-1].Name) {
		f.open = f.open[:len(f.open)-1]
	}
	for len(f.open) < deepestOpen {
		at := len(f.Root)
		if n := len(f.open); n > 0 {
			at = len(f.open[n-1].Name)
		}
		next := strings.IndexByte(key[at:], '/')
		if next < 0 {
			break
		}
		f.open = append(f.open, OpenFolder{Name: key[:at+next+1]})
	}
	for i := range f.open {
		f.open[i].Add(cost)
	}
}

// Postpone takes a folder out once one has had enough: it comes after others from now on, and
// what is in it no longer counts for the folders that it is in. Which one it is:
//   - The deepest that has half of enough: it may have all that is much there.
//   - Where another one was postponed just before, the folder that both are in, since one team
//     may write any number of folders.
//   - That folder is at most half as deep as the one before. Else a team could have each of its
//     levels postponed on its own, each after the time that its slowest item takes.
func (f *Folders) Postpone() (OpenFolder, bool) {
	if !slices.ContainsFunc(f.open, func(o OpenFolder) bool { return o.Reaches(f.Turn) }) {
		return OpenFolder{}, false
	}
	half := Amount{f.Turn.Items / 2, f.Turn.Cost / 2}
	i := len(f.open) - 1
	for !f.open[i].Reaches(half) {
		i--
	}
	shared := string(Folder(Path(f.last), Path(f.open[i].Name)))
	for i > 0 && len(shared) > len(f.Root) && (len(f.open[i-1].Name) >= len(shared) || i > (f.depth+1)/2) {
		i--
	}
	postponed := f.open[i]
	for outer := range i {
		f.open[outer].Items -= postponed.Items
		f.open[outer].Cost -= postponed.Cost
	}
	f.open, f.last, f.depth = f.open[:i], postponed.Name, i
	return postponed, true
}
