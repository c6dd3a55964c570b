package wiring

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Interval is how often something is scheduled. As text it is what stands between the
// brackets of EventBridge's rate(…), such as "5 minutes" or "1 hour", or a duration of Go.
type Interval time.Duration

// UnmarshalText reads an interval above zero.
func (i *Interval) UnmarshalText(text []byte) error {
	d, err := parseInterval(strings.TrimSpace(string(text)))
	if err != nil || d <= 0 {
		return fmt.Errorf("%q is not an interval above zero: write it like 5 minutes, 1 hour or 90s", text)
	}
	*i = Interval(d)
	return nil
}

func parseInterval(text string) (time.Duration, error) {
	number, word, ok := strings.Cut(text, " ")
	unit, known := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[strings.TrimSuffix(word, "s")]
	if !ok || !known {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseUint(number, 10, 16) // no schedule is longer
	return time.Duration(n) * unit, err         //nolint:gosec // 16 bits
}
