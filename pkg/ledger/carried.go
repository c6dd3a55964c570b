package ledger

import "time"

// Carried is what the stores that could not be read held when they were last read.
type Carried struct {
	Held, Stuck, Unreadable int           // held: locks with an ID, stuck ones included
	Oldest                  time.Duration // age of the oldest lock with an ID, as if it were still held
}

// Carried counts the locks of stores that could not be read, but for those that the scan
// saw all the same. A store that fails is no all-clear.
func (m Memory) Carried(scan Scan, seen func(Key) bool) Carried {
	var c Carried
	if len(scan.Failures) == 0 {
		return c
	}
	failed := map[string]bool{} // by ARN: there are few stores and many entries
	for key, e := range m.Locks {
		if !e.inAny(failed, scan.Failed) || seen(key) {
			continue
		}
		if key.unreadable() {
			if !e.Absent {
				c.Unreadable++
			}
			continue
		}
		c.Held++
		if e.Stuck {
			c.Stuck++
		}
		if !e.HeldSince.IsZero() {
			c.Oldest = max(c.Oldest, scan.Ended.Sub(e.HeldSince))
		}
	}
	return c
}

// inAny says whether any store of the entry failed. known keeps the answers.
func (e Entry) inAny(known map[string]bool, failed func(store string) bool) bool {
	for _, store := range e.Stores {
		answer, asked := known[store]
		if !asked {
			answer = failed(store)
			known[store] = answer
		}
		if answer {
			return true
		}
	}
	return false
}
