package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Paths are the globs over a state's key that say which states may be pruned at all.
type Paths struct{ globs []string }

// ParsePaths reads globs parted by commas, as in "branches/**,env:/*/branches/**". A
// comma inside braces belongs to its glob. A glob that is no UTF-8 is refused: a broken
// character would match every other one. The error names every glob that is wrong.
func ParsePaths(text string) (Paths, error) {
	var p Paths
	var errs []error
	for _, glob := range splitOutsideBraces(text) {
		switch glob = strings.TrimSpace(glob); {
		case glob == "":
		case !doublestar.ValidatePattern(glob) || !utf8.ValidString(glob) || strings.HasPrefix(glob, "/"):
			errs = append(errs, fmt.Errorf("path %q is no valid glob over a state's key: write it like branches/**", glob))
		default:
			p.globs = append(p.globs, glob)
		}
	}
	return p, errors.Join(errs...)
}

// Prefixes are what to list to see every key that may match, sorted; none is the
// beginning of another, so that no key is listed twice.
func (p Paths) Prefixes() []string {
	var all, prefixes []string
	for _, glob := range p.globs {
		literal := glob
		if end := strings.IndexAny(glob, `*?[{\`); end >= 0 {
			literal = glob[:end]
		}
		all = append(all, literal)
	}
	slices.Sort(all)
	for _, prefix := range all {
		if last := len(prefixes) - 1; last < 0 || !strings.HasPrefix(prefix, prefixes[last]) {
			prefixes = append(prefixes, prefix)
		}
	}
	return prefixes
}

// Match says whether a key may be that of a state to prune. A lock object never is.
func (p Paths) Match(key string) bool {
	return !strings.HasSuffix(key, tflock.Suffix) && slices.ContainsFunc(p.globs, func(glob string) bool {
		return doublestar.MatchUnvalidated(glob, key)
	})
}
