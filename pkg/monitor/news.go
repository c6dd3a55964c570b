package monitor

import (
	"iter"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// news is what is new of one kind.
type news struct {
	change ledger.Change
	count  int
	picked *alert.Selection[ledger.Step] // at most maxListed of them: no message has room for more
	urgent bool                          // one of them is at its second reminder or a later one
	// together says that they are under prefixes that have had their messages for now, so that they share one.
	together bool
}

func newsOf(change ledger.Change, steps ...ledger.Step) *news {
	n := &news{change: change, picked: alert.NewSelection[ledger.Step](maxListed)}
	for _, step := range steps {
		n.add(step)
	}
	return n
}

func (n *news) add(step ledger.Step) {
	n.count++
	n.urgent = n.urgent || alert.IsCritical(step.Entry.Notified)
	n.picked.Add(string(step.Key.Path), step)
}

// steps are the picked ones.
func (n *news) steps() []ledger.Step { return n.picked.Items() }

// shared reports whether the news become one message.
func (n *news) shared() bool { return shared(n.change, n.count) || (n.together && n.count > 1) }

func shared(change ledger.Change, count int) bool {
	switch change {
	case ledger.Reminder, ledger.StillFailed:
		return count > 1
	default:
		return count > alert.SummaryAbove
	}
}

// gathered is what is new in a scan.
type gathered struct {
	changes map[ledger.Change]*news
	floods  map[ledger.Change]*news // of prefixes that have had their messages
	// unreadable ones by store, in the order of stores. There are at most
	// SummaryAbove+1 of them: so many share one message.
	unreadable map[string]*news
	stores     []string
}

// of returns what is new of one kind.
func (g gathered) of(change ledger.Change) *news {
	if n, ok := g.changes[change]; ok {
		return n
	}
	return newsOf(change)
}

// together returns what shares one message, since it is under prefixes that have had theirs.
func (g gathered) together(change ledger.Change) *news {
	if n, ok := g.floods[change]; ok {
		return n
	}
	return newsOf(change)
}

// news finds the news that a step belongs to.
func (g gathered) news(step ledger.Step) *news {
	all := g.changes
	if step.Shared {
		all = g.floods
	}
	n := all[step.Change]
	if n == nil {
		n = newsOf(step.Change)
		n.together, all[step.Change] = step.Shared, n
	}
	return n
}

// gather counts what is new by its kind, and keeps what the messages will say.
func gather(steps iter.Seq[ledger.Step]) gathered {
	g := gathered{changes: map[ledger.Change]*news{}, floods: map[ledger.Change]*news{}, unreadable: map[string]*news{}}
	for step := range steps {
		n := g.news(step)
		switch step.Change {
		case ledger.Note, ledger.Forget:
			n.count++
			continue
		case ledger.Unreadable:
			g.addUnreadable(step)
		}
		n.add(step)
	}
	return g
}

func (g *gathered) addUnreadable(step ledger.Step) {
	store := step.Store()
	n := g.unreadable[store]
	if n == nil && len(g.stores) <= alert.SummaryAbove {
		n = newsOf(step.Change)
		g.unreadable[store], g.stores = n, append(g.stores, store)
	}
	if n != nil {
		n.add(step)
	}
}
