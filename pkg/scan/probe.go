package scan

import (
	"context"
	"slices"
	"sync"
)

// Probe asks of every store that was read whether it honours the conditional requests that
// locks rely on. In AWS itself that is known, and nothing is asked.
func (s *Scan) Probe(ctx context.Context) {
	s.Unsafe, s.Doubts = map[string]string{}, map[string]string{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, store := range s.stores.All() {
		if s.Failed(store.ARN()) || slices.Contains(s.Patterns, store.ARN()) {
			continue
		}
		group.Go(func() {
			report := store.Conditions(ctx)
			mu.Lock()
			defer mu.Unlock()
			if warning := report.Warning(); warning != "" {
				s.Unsafe[store.ARN()] = warning
			} else if doubt := report.Doubt(); doubt != "" {
				s.Doubts[store.ARN()] = doubt
			}
		})
	}
	group.Wait()
}

// Warnings are what Probe found, in the order of the stores. Each names its store.
func (s *Scan) Warnings() []string {
	var list []string
	for _, arn := range s.Watched {
		for _, found := range []map[string]string{s.Unsafe, s.Doubts} {
			if warning := found[arn]; warning != "" {
				list = append(list, warning)
			}
		}
	}
	return list
}
