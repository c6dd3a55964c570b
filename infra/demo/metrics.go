package main

import (
	"context"
	"fmt"
)

func (s *scene) printMetrics(ctx context.Context) error {
	for _, name := range []string{"LocksHeld", "StuckLocks", "UnreadableLocks", "ScanErrors", "OldestLockAge"} {
		value, unit, _, err := s.AWS().Metric(ctx, s.Functions["MonitorFunction"]["METRIC_NAMESPACE"], name)
		if err != nil {
			return err
		}
		fmt.Printf("%-16s %v %s\n", name, value, unit)
	}
	return nil
}
