package slack

import (
	"slices"
	"sync"
)

// recent remembers the IDs of the last messages that were posted. SNS and Lambda both
// deliver at least once, and mostly to the same process again.
type recent struct {
	mu  sync.Mutex
	ids []string
}

const remembered = 1000

func (r *recent) has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return id != "" && slices.Contains(r.ids, id)
}

func (r *recent) add(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ids) == remembered {
		r.ids = slices.Delete(r.ids, 0, remembered/2)
	}
	r.ids = append(r.ids, id)
}
