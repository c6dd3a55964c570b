package policy

import (
	"fmt"
	"strings"
	"time"
)

// Words writes a duration for people: two units at most, "45s", "38m", "3h12m",
// "2d4h".
func Words(d time.Duration) string {
	switch d = d.Abs(); {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Minute:
		return trimZero(d.Truncate(time.Second).String())
	case d < 24*time.Hour:
		return trimZero(d.Truncate(time.Minute).String())
	default:
		text := fmt.Sprintf("%dd", d/(24*time.Hour))
		if hours := d % (24 * time.Hour) / time.Hour; hours > 0 {
			text += fmt.Sprintf("%dh", hours)
		}
		return text
	}
}

// trimZero drops the units that time.Duration writes although they are zero.
func trimZero(s string) string {
	if short, ok := strings.CutSuffix(s, "m0s"); ok {
		s = short + "m"
	}
	if short, ok := strings.CutSuffix(s, "h0m"); ok {
		s = short + "h"
	}
	return s
}

// Clock writes a time for people, in UTC to the minute.
func Clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
