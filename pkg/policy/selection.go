package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Selection is the locks that may be released automatically: globs on the path
// (bucket/key), or operation:NAME. Its zero value selects none.
type Selection struct{ patterns []string }

// ParseSelection reads comma-separated patterns, as in
// "*/environments/**,operation:OperationTypePlan". The error names every pattern that is
// wrong. testdata/settings.json has the values that must be accepted and refused.
func ParseSelection(text string) (Selection, error) {
	var s Selection
	var errs []error
	for _, pattern := range splitOutsideBraces(text) {
		pattern = trimBlanks(pattern)
		switch problem := checkPattern(pattern); {
		case pattern == "":
		case strings.Contains(pattern, ";"):
			errs = append(errs, fmt.Errorf("pattern %q: %w", pattern, errors.New("patterns are separated by commas: */staging/**,operation:OperationTypePlan")))
		case problem != nil:
			errs = append(errs, fmt.Errorf("pattern %q: %w", pattern, problem))
		default:
			s.patterns = append(s.patterns, pattern)
		}
	}
	return s, errors.Join(errs...)
}

// Any reports whether it can select anything.
func (s Selection) Any() bool { return len(s.patterns) > 0 }

// Matches reports whether it selects a lock with this state path (bucket/key) and operation.
func (s Selection) Matches(path, operation string) bool {
	return slices.ContainsFunc(s.patterns, func(pattern string) bool { return matches(pattern, path, operation) })
}
