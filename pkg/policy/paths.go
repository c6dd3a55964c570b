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

// Paths are the globs over a state's key that say which states may be pruned at all. A
// key must match one of the globs and none of the exclusions, in whatever order they
// were written.
type Paths struct{ globs, exclusions []string }

// exclusion begins a glob that excludes what it matches.
const exclusion = "!"

// ParsePaths reads comma-separated globs, as in "branches/**,!branches/main/**". A comma
// inside braces belongs to its glob; a glob that begins with "!" excludes. Globs that no
// key can match are refused, and so are exclusions without a glob to exclude from: each
// looks like a rule and does nothing. The error names every glob that is wrong, and what
// a right one looks like. testdata/settings.json has the values that must be accepted
// and refused.
func ParsePaths(text string) (Paths, error) {
	var p Paths
	var errs []error
	for _, item := range splitOutsideBraces(text) {
		item = trimBlanks(item)
		if item == "" {
			continue
		}
		glob, excludes := strings.CutPrefix(item, exclusion)
		if err := checkPath(glob); err != nil {
			errs = append(errs, fmt.Errorf("path %q: %w", item, err))
		} else if excludes {
			p.exclusions = append(p.exclusions, glob)
		} else {
			p.globs = append(p.globs, glob)
		}
	}
	if len(errs) == 0 && len(p.globs) == 0 && len(p.exclusions) > 0 {
		errs = append(errs, fmt.Errorf("path %q: there are only exclusions, so that nothing would ever be pruned: name what may be pruned too, as in branches/**,!branches/main/**", text))
	}
	return p, errors.Join(errs...)
}

// checkPath says why a glob, without its "!", can match no state's key.
func checkPath(glob string) error {
	switch {
	case glob == "" || strings.HasPrefix(glob, exclusion):
		return errors.New("an exclusion is one ! before a glob: write it like !branches/main/**")
	case hasScheme(glob):
		return errors.New("write the key alone, without a scheme, an ARN or the bucket: branches/**")
	case strings.Contains(glob, ";"):
		return errors.New("globs are separated by commas: branches/**,feature-branches/**")
	case strings.HasPrefix(glob, "/"):
		return errors.New("a key does not begin with a slash: write it like branches/**")
	case strings.HasSuffix(glob, "/"):
		return fmt.Errorf("a state's key does not end in a slash: write it like %s**", glob)
	case !strings.ContainsAny(glob, `/.*?[{`):
		return fmt.Errorf("it matches only a state whose whole key is that word: for everything below it write %s/**", glob)
	case !doublestar.ValidatePattern(glob) || !utf8.ValidString(glob): // a broken character would match every other one
		return errors.New("it is not a valid glob over a state's key: write it like branches/**")
	}
	return nil
}

// hasScheme reports whether a glob was written as a URL or an ARN. Keys may contain a colon:
// those of workspaces begin with "env:/".
func hasScheme(glob string) bool {
	lower := strings.ToLower(glob)
	return slices.ContainsFunc([]string{"s3:", "arn:", "http:", "https:"}, func(scheme string) bool { return strings.HasPrefix(lower, scheme) })
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

// Match reports whether a key may be that of a state to prune. A lock object never is.
func (p Paths) Match(key string) bool {
	matches := func(glob string) bool { return doublestar.MatchUnvalidated(glob, key) }
	return !strings.HasSuffix(key, tflock.Suffix) && slices.ContainsFunc(p.globs, matches) && !slices.ContainsFunc(p.exclusions, matches)
}

// trimBlanks removes the blanks around an item of a list, those of ASCII alone: the
// deploy's own check of a parameter knows no others.
func trimBlanks(text string) string { return strings.Trim(text, " \t\r\n") }
