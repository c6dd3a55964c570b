package scan

import (
	"iter"
	"slices"
	"unique"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// MaxKept is how many holdings a scan keeps.
const MaxKept = maxKept

// Kept is what a scan keeps of a crowd.
type Kept struct {
	*Scan
	kept holdings
}

// Len is how many holdings were kept.
func (k Kept) Len() int { return len(k.kept) }

// Has reports whether one of a path was kept.
func (k Kept) Has(path tflock.Path) bool {
	return slices.ContainsFunc(k.kept, func(p packed) bool { return p.path == path })
}

// Problems are those of the stores.
func (k Kept) Problems() []string {
	var list []string
	for _, f := range k.Failures {
		list = append(list, f.Problem)
	}
	return list
}

// Crowd keeps at most so many of these holdings.
func Crowd(most int, all iter.Seq2[string, string]) Kept {
	r := room{most: most}
	for store, path := range all {
		r.add(packed{store: store, path: tflock.Path(path), operation: unique.Make(""), version: unique.Make("")})
	}
	s := &Scan{Failures: map[string]Failure{}}
	r.end(s.Failures)
	return Kept{s, r.kept}
}
