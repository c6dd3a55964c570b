package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Slot counts the messages of one kind about locks under one top-level prefix of a store.
type Slot struct {
	Since    time.Time `json:"since"` // end of the scan of the first one
	Messages int       `json:"messages"`
}

// bound is how many messages of one kind a prefix of a store has in a time. What is new under it
// beyond them waits until the time is over and then shares one message, and so on for each further
// time in which there is more. Whoever may write one prefix could otherwise fill the channel in
// which people see the locks of others. See docs/adr/0022.
type bound struct {
	every time.Duration
	most  int
}

// MostMessages is how many messages about stuck locks under one prefix, how many about their ends, and how
// many about planned releases, people get within an hour before the next ones share one.
const MostMessages = 10

var bounds = map[Change]bound{
	Stuck:          {time.Hour, MostMessages},
	Resolved:       {time.Hour, MostMessages},
	ReleasePlanned: {time.Hour, MostMessages},
	Unreadable:     {24 * time.Hour, 1},
}

func (b bound) full(s Slot) bool { return s.Messages >= b.most }

func (b bound) over(s Slot, now time.Time, rules Rules) bool {
	return now.Sub(s.Since) >= b.every-min(rules.ScanEvery, b.every)/2
}

// maxSlots bounds the prefixes that are counted for each kind of message of a store. Beyond them
// unreadable holdings of a store share one slot, and messages about stuck locks have no bound: no
// attacker has so many prefixes.
const maxSlots = 20

// common is the name of that slot, and of the slot of paths that do not belong to a state.
const common = ""

// prefixOf names the slot of a path: its top-level prefix, or the hash of a long one, since all slots of
// all stores are in one row.
func prefixOf(path tflock.Path) string {
	const longest = 40
	if !path.Valid() {
		return common
	}
	prefix := path.Prefix()
	if len(prefix) <= longest {
		return prefix
	}
	sum := sha256.Sum256([]byte(prefix))
	return hex.EncodeToString(sum[:longest/4])
}

// slot returns the name of the slot in which a message about a path counts, and false where it has no bound.
func (s Store) slot(c Change, path tflock.Path) (name string, ok bool) {
	name = prefixOf(path)
	_, counted := s.Slots[c.String()][name]
	switch {
	case counted || name == common || len(s.Slots[c.String()]) < maxSlots:
		return name, true
	case c == Unreadable:
		return common, true
	default:
		return "", false
	}
}

// MayNotify reports whether people may be notified now of a change of a lock in that store, which they may
// not while its prefix has had its messages, and whether it then shares one with others.
func (m Memory) MayNotify(c Change, store string, path tflock.Path, now time.Time, rules Rules) (may, shared bool) {
	s := m.Stores[store]
	b, bounded := bounds[c]
	name, ok := s.slot(c, path)
	used := s.Slots[c.String()][name]
	if !bounded || !ok || !b.full(used) {
		return true, false
	}
	over := b.over(used, now, rules)
	return over, over
}

// slotKey is a slot of a store.
type slotKey struct {
	store  string // ARN
	change Change
	name   string
}

// Message is one that people get, by the slots in which it counts.
type Message map[slotKey]bool

// Add adds a change of a lock in that store, which the message is about. stores is the memory before the scan.
func (m Message) Add(c Change, store string, path tflock.Path, stores map[string]Store) {
	if _, bounded := bounds[c]; !bounded {
		return
	}
	if name, ok := stores[store].slot(c, path); ok && len(m) < maxSlots*len(stores)+maxSlots {
		m[slotKey{store, c, name}] = true
	}
}

// Messages are how many of those that are out count in each slot.
type Messages map[slotKey]int

// Add counts a message that is out.
func (all Messages) Add(m Message) {
	for key := range m {
		all[key]++
	}
}

// Count adds the messages of a scan to the memory of the stores, and forgets slots whose time is over.
func (all Messages) Count(stores map[string]Store, now time.Time, rules Rules) {
	for arn, s := range stores {
		s.Slots = s.openSlots(arn, all, now, rules)
		stores[arn] = s
	}
	for key, n := range all {
		s, watched := stores[key.store]
		if !watched {
			continue
		}
		kind := key.change.String()
		if s.Slots == nil {
			s.Slots = map[string]map[string]Slot{}
		}
		if s.Slots[kind] == nil {
			s.Slots[kind] = map[string]Slot{}
		}
		used, counted := s.Slots[kind][key.name]
		b := bounds[key.change]
		switch {
		case !counted && len(s.Slots[kind]) >= maxSlots && key.name != common:
			continue
		case !counted || (b.over(used, now, rules) && !b.full(used)):
			used = Slot{now, n}
		case b.over(used, now, rules):
			used.Since = now // it stays full while more comes
		default:
			used.Messages += n
		}
		s.Slots[kind][key.name] = used
		stores[key.store] = s
	}
}

// openSlots returns the slots of a store, in maps of their own, without those whose time is over and in which
// no message counts now.
func (s Store) openSlots(arn string, all Messages, now time.Time, rules Rules) map[string]map[string]Slot {
	var slots map[string]map[string]Slot
	for change, b := range bounds {
		kind := change.String()
		for name, used := range s.Slots[kind] {
			if all[slotKey{arn, change, name}] == 0 && b.over(used, now, rules) {
				continue
			}
			if slots == nil {
				slots = map[string]map[string]Slot{}
			}
			if slots[kind] == nil {
				slots[kind] = map[string]Slot{}
			}
			slots[kind][name] = used
		}
	}
	return slots
}
