package prune

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	maxErrors = 100
	// maxAlso bounds the other prefixes that are named for one problem.
	maxAlso = 5
)

// problems are what could not be done: at most maxErrors, some of each folder.
type problems struct {
	list   []*problem
	others int // those beyond them
}

// problem is what could not be done, once for everything that failed alike.
type problem struct {
	path      tflock.Path // of the first state; empty: it is of more than one
	key, text string
	n         int
	also      []string // other prefixes where it failed alike
}

// add notes an error, of a state where there is a path. A role that lacks a permission fails for every state
// alike: that is one thing to fix.
func (all *problems) add(path tflock.Path, err error) {
	key := err.Error()
	if at, ok := errors.AsType[*backend.Error](err); ok && at.Code() != "" {
		key = at.Store + " " + at.Code()
	}
	if at := slices.IndexFunc(all.list, func(p *problem) bool { return p.key == key }); at >= 0 {
		all.list[at].again(path.Prefix())
		return
	}
	all.list = append(all.list, &problem{path: path, key: key, text: err.Error(), n: 1})
	if len(all.list) > maxErrors { // whoever has the most gives way
		all.list = all.inTurns()
		all.others += all.list[maxErrors].n
		all.list = all.list[:maxErrors]
	}
}

// again counts a failure that is like an earlier one.
func (p *problem) again(prefix string) {
	p.n++
	if prefix != "" && prefix != p.path.Prefix() && !slices.Contains(p.also, prefix) && len(p.also) < maxAlso {
		p.also = append(p.also, prefix)
	}
}

// inTurns returns those first that are of more than one state or prefix, and the others by their folders in turn.
func (all *problems) inTurns() []*problem {
	list := tflock.InTurns(all.list, func(p *problem) tflock.Path { return p.path })
	slices.SortStableFunc(list, func(a, b *problem) int { return cmp.Compare(a.rank(), b.rank()) })
	return list
}

func (p *problem) rank() int {
	switch {
	case p.path == "":
		return 0
	case len(p.also) > 0:
		return 1
	}
	return 2
}

// texts returns them in words.
func (all *problems) texts() []string {
	texts := []string{}
	for _, p := range all.inTurns() {
		text := p.text
		if p.n > 1 {
			under := ""
			if len(p.also) > 0 {
				under = ", also under " + strings.Join(p.also, ", ")
			}
			text += fmt.Sprintf(" (and %d more like it%s)", p.n-1, under)
		}
		texts = append(texts, text)
	}
	if all.others > 0 {
		texts = append(texts, fmt.Sprintf("and %d others: see the log", all.others))
	}
	return texts
}
