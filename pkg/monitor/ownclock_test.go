package monitor_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// ownClock runs a test by a clock that goes on only while everything waits: calls that begin together come together, however busy the machine is.
func ownClock(t *testing.T, test func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))) // it begins in 2000, and no client locked anything then
		test(t)
	})
}
