package prune

import (
	"strings"

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
type blocked struct {
	place tflock.Path // a state, or a folder with its slash
	all   bool
	why   string // empty: nothing is blocked
}

// end notes a lock that this run could not release.
func (b *blocked) end(left *statelock.LeftError) {
	if !b.all {
		b.all, b.why = true, left.Error()
	}
}

// add notes a lock of an earlier run that could not be released.
func (b *blocked) add(left *statelock.LeftError) {
	switch {
	case b.why == "":
		b.place = left.Path
	case b.of(left.Path) == "":
		b.place = tflock.Folder(b.place, left.Path)
		b.all = b.all || !b.place.Valid()
	}
	if b.why == "" || (left.Denied && !b.all) {
		b.why = left.Error()
	}
	b.all = b.all || left.Denied
}

// of says why no lock of that state is taken, or is empty.
func (b *blocked) of(path tflock.Path) string {
	within := strings.HasSuffix(string(b.place), "/") && strings.HasPrefix(string(path), string(b.place))
	if b.all || path == b.place || within {
		return b.why
	}
	return ""
}
