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

	Name  string // with its slash
	First int    // number of the first item
}

// Folders are those that the last key of a listing is in, the deepest last. Where one has much, what is outside of it
// can come first: whoever may write under one prefix could take the time for all that comes after it.
// Which part of a key that is is not known, as for InTurns.
type Folders struct {
	Root string // of the listing: they are below it
	Turn Amount // of a folder, after which others come first

	open  []OpenFolder
	last  string // which of them gave way last
	depth int    // of that one
}

// deepestOpen bounds the folders below a root that are distinguished.
const deepestOpen = 8

// Find counts an item that a listing shows, of that number.
func (f *Folders) Find(key string, cost int64, number int) {
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
		f.open = append(f.open, OpenFolder{Name: key[:at+next+1], First: number})
	}
	for i := range f.open {
		f.open[i].Add(cost)
	}
}

// GivesWay returns a folder that comes after others from now on, once one has had enough: the deepest that has half
// of that, which may be all that is much there. Where another one gave way just before, it is the folder
// that both are in: one team may write any number of folders. It is at most half as deep then, or a team could have
// each of the levels give way on its own, after as long as its slowest item takes. What is in it does not count for those that it is in.
func (f *Folders) GivesWay() (OpenFolder, bool) {
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
	gone := f.open[i]
	for outer := range i {
		f.open[outer].Items -= gone.Items
		f.open[outer].Cost -= gone.Cost
	}
	f.open, f.last, f.depth = f.open[:i], gone.Name, i
	return gone, true
}
