package scan

import (
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Figures are the numbers of some locks.
type Figures struct {
	Held, Stuck, Unreadable int           // held: locks with an ID, stuck ones included
	Oldest                  time.Duration // age of the oldest lock with an ID
}

// Count counts a lock.
func (f *Figures) Count(c policy.Case) {
	if c.Verdict == policy.Unreadable {
		f.Unreadable++
		return
	}
	f.Held++
	f.Oldest = max(f.Oldest, c.Held)
	if c.Verdict == policy.Stuck {
		f.Stuck++
	}
}

// And are the figures of these locks and of others.
func (f Figures) And(other Figures) Figures {
	return Figures{f.Held + other.Held, f.Stuck + other.Stuck, f.Unreadable + other.Unreadable, max(f.Oldest, other.Oldest)}
}
