package prune

import (
	"cmp"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/statelock"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// blocked is where no lock is taken any more, since locks of ours could not be released there.
//
// In the run that could not release one, and in each later one while that release is denied, by a policy that holds for more than one
// state, that is everywhere. For later runs any other cause may be of one state: whoever may write under one prefix can have a
// transaction under way on a row there all the time, or have S3 fail to give an object. So it is that state first, and
// after the next one the folder that both are in; which part of their keys one team may write is not known. Where they have
// no folder in common the cause is not one team's, and it is everywhere.
//
// A team could also let our lock go between two runs alone, and end each run before it comes to the states of others. So where a run could
// not release one, the next takes none, also when it is gone by then.
type blocked struct {
	place tflock.Path // a state, or a folder with its slash
	all   bool
	why   string      // empty: nothing is blocked
	next  tflock.Path // what the next run leaves out for the locks that this one could not release
}

// remember leaves out where the run before could not release a lock.
func (b *blocked) remember(place tflock.Path) {
	if place != "" {
		b.place, b.why = place, "the run before this one could not release its lock at "+plain.Quoted(place)
	}
}

// end notes a lock that this run could not release.
func (b *blocked) end(left *statelock.LeftError) {
	if !left.Denied {
		b.next = wider(cmp.Or(b.next, b.place), left.Path)
	}
	if !b.all {
		b.all, b.why = true, left.Error()
	}
}

// add notes a lock of an earlier run that could not be released.
func (b *blocked) add(left *statelock.LeftError) {
	if b.of(left.Path) == "" {
		b.place = wider(b.place, left.Path)
		b.all = b.all || b.place == ""
	}
	if b.why == "" || (left.Denied && !b.all) {
		b.why = left.Error()
	}
	b.all = b.all || left.Denied
}

// of says why no lock of that state is taken, or is empty.
func (b *blocked) of(path tflock.Path) string {
	if b.all || covers(b.place, path) {
		return b.why
	}
	return ""
}

func covers(place, path tflock.Path) bool {
	return path == place || (strings.HasSuffix(string(place), "/") && strings.HasPrefix(string(path), string(place)))
}

// wider returns a place that has that state too: first that state alone, then the folder that both are in, and after that one of the first two
// parts of their keys at most, since a team can have any number of folders within each other. It is empty where they have none in common.
func wider(place, path tflock.Path) tflock.Path {
	switch {
	case place == "":
		return path
	case covers(place, path):
		return place
	}
	folder := tflock.Folder(place, path)
	if strings.HasSuffix(string(place), "/") {
		const parts = 3 // the bucket too
		all := strings.SplitAfterN(string(folder), "/", parts+1)
		folder = tflock.Path(strings.Join(all[:min(parts, len(all))], ""))
	}
	if !folder.Valid() {
		return ""
	}
	return folder
}
