package monitor

import (
	"iter"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// news is what is new of one kind.
type news struct {
	change ledger.Change
	count  int
	first  []ledger.Step // at most maxListed of them: no message has room for more
	often  bool          // people heard of one of them twice before
}

// gather counts what is new by its kind, and keeps what the messages will say.
func gather(steps iter.Seq[ledger.Step]) map[ledger.Change]news {
	all := map[ledger.Change]news{}
	for step := range steps {
		n := all[step.Change]
		n.change, n.often = step.Change, n.often || step.Entry.Told > 2
		if n.count++; step.Change != ledger.Note && step.Change != ledger.Forget && len(n.first) < maxListed {
			n.first = append(n.first, step)
		}
		all[step.Change] = n
	}
	return all
}

// each parts news into those of one lock.
func (n news) each() iter.Seq[news] {
	return func(yield func(news) bool) {
		for _, step := range n.first {
			if !yield(news{change: n.change, count: 1, first: []ledger.Step{step}}) {
				return
			}
		}
	}
}

// only gives the steps of these kinds.
func only(steps iter.Seq[ledger.Step], changes ...ledger.Change) iter.Seq[ledger.Step] {
	return func(yield func(ledger.Step) bool) {
		for step := range steps {
			if slices.Contains(changes, step.Change) && !yield(step) {
				return
			}
		}
	}
}

// untold gives the steps as they are when nobody could be told.
func untold(steps iter.Seq[ledger.Step]) iter.Seq[ledger.Step] {
	return func(yield func(ledger.Step) bool) {
		for step := range steps {
			if !yield(step.Untold()) {
				return
			}
		}
	}
}
