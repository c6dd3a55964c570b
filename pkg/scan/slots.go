package scan

import (
	"context"
	"sync"
	"time"
)

// idleLimit is how long a store may give nothing before others no longer wait for it.
const idleLimit = 2 * time.Second

// slots bounds how many stores are read at once, for the memory that their pages take. A
// store that gives nothing for a while, since it hangs or is large and has no locks, takes
// next to none: its slot goes to another, and it is read on beside them. So no number of
// stores that hang keeps others from being read.
type slots chan struct{}

// slot is one store's place among those that are read.
type slot struct {
	idle *time.Timer
	once sync.Once
	of   slots
}

// take waits for a slot; nil when the context ends first.
func (s slots) take(ctx context.Context) *slot {
	select {
	case s <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	taken := &slot{of: s}
	taken.idle = time.AfterFunc(idleLimit, taken.yield)
	return taken
}

// active says that the store gave something.
func (s *slot) active() { s.idle.Reset(idleLimit) }

// yield returns the slot to another store. It may be called more than once.
func (s *slot) yield() { s.once.Do(func() { <-s.of }) }

// end returns the slot back.
func (s *slot) end() {
	s.idle.Stop()
	s.yield()
}
