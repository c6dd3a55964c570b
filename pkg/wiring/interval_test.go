package wiring_test

import (
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/wiring"
)

func TestInterval(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1 minute": time.Minute, "5 minutes": 5 * time.Minute, "30 minutes": 30 * time.Minute, "1 hour": time.Hour, "2 days": 48 * time.Hour,
		"90s": 90 * time.Second, " 15m ": 15 * time.Minute,
	} {
		var i wiring.Interval
		if err := i.UnmarshalText([]byte(text)); err != nil || time.Duration(i) != want {
			t.Errorf("%q: %s, %v", text, time.Duration(i), err)
		}
	}
	for _, text := range []string{"", "5", "0 minutes", "-5m", "minutes", "5 weeks", "5  minutes", "99999999999999999999 hours", "rate(5 minutes)"} {
		var i wiring.Interval
		if err := i.UnmarshalText([]byte(text)); err == nil || i != 0 {
			t.Errorf("%q is taken for %s", text, time.Duration(i))
		}
	}
}

// Whatever is read is above zero, and says the same when it is written as a duration.
func FuzzInterval(f *testing.F) {
	for _, text := range []string{"5 minutes", "1 hour", "90s", "1h2m", "x", " 1 day"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var i, again wiring.Interval
		if i.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(time.Duration(i).String())); err != nil || i <= 0 || again != i {
			t.Fatalf("%q is %s, then %s: %v", text, time.Duration(i), time.Duration(again), err)
		}
	})
}
