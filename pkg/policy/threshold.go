package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
)

// operationPrefix begins an override that goes by the client's operation.
const operationPrefix = "operation:"

// Override gives the locks that it matches a threshold of their own.
type Override struct {
	Pattern   string // doublestar glob over bucket/key, or "operation:NAME"
	Threshold time.Duration
}

// matches reports whether a pattern, a glob or operation:NAME, is of a lock with this path
// and operation.
func matches(pattern, path, operation string) bool {
	if name, ok := strings.CutPrefix(pattern, operationPrefix); ok {
		return doublestar.MatchUnvalidated(name, operation)
	}
	return doublestar.MatchUnvalidated(pattern, path)
}

// Thresholds say how long a lock may be held before it counts as stuck.
type Thresholds struct {
	Default   time.Duration
	Overrides []Override // the first match wins
}

// For returns the threshold of a lock with this state path (bucket/key) and operation.
func (t Thresholds) For(path, operation string) time.Duration {
	for _, o := range t.Overrides {
		if matches(o.Pattern, path, operation) {
			return o.Threshold
		}
	}
	return t.Default
}

// ParseOverrides reads comma-separated `glob=duration` pairs, as in
// "operation:OperationTypePlan=15m,*/environments/production/**=2h". A comma inside
// braces belongs to the glob, and the last "=" divides a pair. Durations are Go's.
// The error names every pair that is wrong, and what a right one looks like.
// testdata/settings.json has the values that must be accepted and refused.
func ParseOverrides(text string) ([]Override, error) {
	var overrides []Override
	var errs []error
	for _, pair := range splitOutsideBraces(text) {
		pair = trimBlanks(pair)
		if pair == "" {
			continue
		}
		o, err := parseOverride(pair)
		if err != nil {
			errs = append(errs, fmt.Errorf("override %q: %w", pair, err))
			continue
		}
		overrides = append(overrides, o)
	}
	return overrides, errors.Join(errs...)
}

func parseOverride(pair string) (Override, error) {
	if strings.Contains(pair, ";") {
		return Override{}, errors.New("pairs are separated by commas: */staging/**=1h,*/production/**=2h")
	}
	at := strings.LastIndex(pair, "=")
	if at < 0 {
		return Override{}, errors.New("write it as glob=duration, for example */production/**=2h")
	}
	o := Override{Pattern: trimBlanks(pair[:at])}
	if err := checkPattern(o.Pattern); err != nil {
		return Override{}, err
	}
	var err error
	o.Threshold, err = parseThreshold(trimBlanks(pair[at+1:]))
	return o, err
}

// checkPattern says why a pattern can match no lock.
func checkPattern(pattern string) error {
	glob, operation := strings.CutPrefix(pattern, operationPrefix)
	switch {
	case glob == "" || !doublestar.ValidatePattern(glob) || !utf8.ValidString(glob):
		return errors.New("the glob is not valid: see the syntax of doublestar, for example */production/** or operation:OperationTypePlan")
	case operation:
		return nil
	case hasScheme(glob):
		return errors.New("write the path as bucket/key, without a scheme or an ARN: */production/**")
	case strings.HasPrefix(glob, "/"):
		return errors.New("a path begins with the bucket's name, and not with a slash: */production/**")
	case !strings.Contains(glob, "/") && !strings.Contains(glob, "**"):
		return errors.New("it matches no path: a path is bucket/key, and * does not match a slash; write it like */production/**, or ** for every path")
	}
	return nil
}

func parseThreshold(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); err != nil && ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 1000 {
			return 0, fmt.Errorf("the duration must be in hours, minutes or seconds: write %dh for %s", 24*n, text)
		}
	}
	if err != nil || d <= 0 {
		return 0, errors.New("the duration must be above zero and look like 90s, 30m or 2h")
	}
	return d, nil
}

// splitOutsideBraces splits at the commas that are not inside {…}, where they separate
// the alternatives of a glob.
func splitOutsideBraces(text string) []string {
	depth := 0
	return strings.FieldsFunc(text, func(r rune) bool {
		switch r {
		case '{':
			depth++
		case '}':
			depth--
		}
		return r == ',' && depth <= 0
	})
}
