package policy

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// operationPrefix begins an override that goes by the client's operation.
const operationPrefix = "operation:"

// Override gives the locks that it matches a threshold of their own.
type Override struct {
	Pattern   string // doublestar glob over bucket/key, or "operation:NAME"
	Threshold time.Duration
}

func (o Override) matches(path, operation string) bool {
	if name, ok := strings.CutPrefix(o.Pattern, operationPrefix); ok {
		return doublestar.MatchUnvalidated(name, operation)
	}
	return doublestar.MatchUnvalidated(o.Pattern, path)
}

// Thresholds say how long a lock may be held before it counts as stuck.
type Thresholds struct {
	Default   time.Duration
	Overrides []Override // the first match wins
}

// For gives the threshold of a lock with this state path (bucket/key) and operation.
func (t Thresholds) For(path, operation string) time.Duration {
	for _, o := range t.Overrides {
		if o.matches(path, operation) {
			return o.Threshold
		}
	}
	return t.Default
}

// ParseOverrides reads `glob=duration` pairs parted by commas, as in
// "operation:OperationTypePlan=15m,*/environments/production/**=2h". A comma inside
// braces belongs to the glob, and the last "=" parts a pair. Durations are Go's.
// The error names every pair that is wrong, and what a right one looks like.
func ParseOverrides(text string) ([]Override, error) {
	var overrides []Override
	var errs []error
	for _, pair := range splitOutsideBraces(text) {
		pair = strings.TrimSpace(pair)
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
	at := strings.LastIndex(pair, "=")
	if at < 0 {
		return Override{}, errors.New("write it as glob=duration, for example */production/**=2h")
	}
	o := Override{Pattern: strings.TrimSpace(pair[:at])}
	glob := strings.TrimPrefix(o.Pattern, operationPrefix)
	if glob == "" || !doublestar.ValidatePattern(glob) {
		return Override{}, errors.New("the glob is not valid: see the syntax of doublestar, for example */production/** or operation:OperationTypePlan")
	}
	var err error
	if o.Threshold, err = time.ParseDuration(strings.TrimSpace(pair[at+1:])); err != nil || o.Threshold <= 0 {
		return Override{}, errors.New("the duration must be above zero and look like 90s, 30m or 2h")
	}
	return o, nil
}

// splitOutsideBraces splits at the commas that are not inside {…}, since there they
// part the alternatives of a glob.
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
