package alert

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/payload"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// SNS takes 256 KiB for the message with all its attributes. The event's JSON is
// in it three times and escaped, so it gets a share of that; the attributes get
// theirs, and the prose what is left.
const (
	maxMessage    = 256 << 10
	maxJSON       = 46 << 10
	maxAttributes = 32 << 10
	// maxCounts is the share of the counts by prefix.
	maxCounts = 4 << 10
	// countSize is that of the count of what is left out, which is kept free in each event:
	// what fits before anything is counted fits with its count.
	countSize = len(`,\"omitted\":1000000000`)
	// maxAsked is the share of each text of who asked for a release.
	maxAsked = 4 << 10
)

// Fit returns the event with as many of its locks, states and details as SNS has room for,
// and counts what it left out. The first 20 locks always stay, and among them the first one of
// each top-level prefix: one that is too large for its share is stripped of its evidence and its
// commands, and then of what its holder wrote.
func Fit(e Event) Event {
	room := maxJSON
	e = fitOne(e)
	prefixes := fitting(e.Prefixes, min(maxCounts, room))
	e.Prefixes = prefixes
	locks, states, findings, omitted := e.Locks, e.States, e.Findings, e.Omitted
	e.Locks, e.States, e.Findings, e.Omitted = nil, nil, nil, 0
	room -= escapedSize(e) + countSize // with its details and stores, which their makers bound
	e.Stores, room = bounded(e.Stores, room)
	e.Details, room = bounded(e.Details, room)
	e.Locks = fitLocks(locks, room)
	e.States = fitStates(states, room)
	e.Findings = fitFindings(findings, room)
	e.Omitted = omitted + len(locks) - len(e.Locks) + len(states) - len(e.States) + len(findings) - len(e.Findings)
	return e
}

// fitOne bounds what people wrote about a release, which may be a pasted log, and takes
// from the event of one lock that is too large what is missed least.
func fitOne(e Event) Event {
	if e.Release != nil {
		r := *e.Release
		for _, text := range []*string{&r.RequestedBy, &r.Reason, &r.Why} {
			if quotedSize(*text) > maxAsked {
				*text = Clean(*text, maxPath)
			}
		}
		e.Release = &r
	}
	if e.Lock != nil && escapedSize(e) > maxJSON {
		lock := *e.Lock
		lock.Evidence.Reasons = []string{}
		e.Lock, e.Current = &lock, nil
	}
	return e
}

// bounded cuts a list that is counted in a room that has become negative.
func bounded[T any](items []T, room int) ([]T, int) {
	for room < 0 && len(items) > 1 {
		room += escapedSize(items[len(items)-1])
		items = items[:len(items)-1]
	}
	return items, room
}

// fitStates keeps half of the room for what went, since people can bring that back and have to
// know its path: states that stay may be many, and are anybody's.
func fitStates(states []policy.Stale, room int) []policy.Stale {
	var went, stayed []policy.Stale
	for _, s := range states {
		if s.Fate == policy.Kept {
			stayed = append(stayed, s)
		} else {
			went = append(went, s)
		}
	}
	first := fitting(went, room/2)
	for _, s := range first {
		room -= escapedSize(s) + 1
	}
	kept := fitting(stayed, room)
	for _, s := range kept {
		room -= escapedSize(s) + 1
	}
	kept = slices.Concat(kept, first, fitting(went[len(first):], room))
	slices.SortStableFunc(kept, func(a, b policy.Stale) int { return cmp.Compare(rank(a), rank(b)) })
	return kept
}

// fitLocks keeps the first locks, and then the others while there is room.
func fitLocks(items []Item, room int) []Item {
	if kept := fitting(items, room); len(kept) == len(items) {
		return kept
	}
	leading := min(len(items), prefixesListed)
	var kept []Item
	for i, item := range items {
		if i < leading {
			item = stripped(item, room/(leading-i))
		}
		size := escapedSize(item) + 1
		if i >= leading && size > room {
			break
		}
		room -= size
		kept = append(kept, item)
	}
	return kept
}

// stripped takes from a lock that is larger than its share what is missed least.
func stripped(item Item, share int) Item {
	for _, strip := range []func(*Item){
		func(i *Item) { i.Evidence.Reasons = []string{} },
		func(i *Item) { i.Actions, i.Current, i.Release, i.Removal, i.Witness = nil, nil, nil, nil, nil },
		func(i *Item) {
			for _, text := range []*string{&i.ID, &i.Operation, &i.Who, &i.Version} {
				*text = Clean(*text, 40)
			}
		},
		func(i *Item) { i.Path, i.Stores = clipTail(i.Path, 150), nil },
	} {
		if escapedSize(item) < share {
			return item
		}
		strip(&item)
	}
	return item
}

// fitting returns the first of the items that there is room for.
func fitting[T any](items []T, room int) []T {
	for i, item := range items {
		if room -= escapedSize(item) + 1; room < 0 {
			return items[:i]
		}
	}
	return items
}

// escapedSize is the size of an item's JSON as it is sent: as a string inside of JSON.
func escapedSize(item any) int {
	body, err := encode(item)
	if err != nil {
		return maxJSON + 1
	}
	return quotedSize(body)
}

// quotedSize is the size of a text as a JSON string.
func quotedSize(text string) int {
	quoted, err := encode(text)
	if err != nil { // strings always encode
		return maxJSON + 1
	}
	return len(quoted)
}

// cut ends a text at a line's end where SNS has no more room for it, and says so.
func cut(text string, room int) string {
	const mark = "\n(Cut here: the message has no room for more.)\n"
	for size := quotedSize(text); size > room; size = quotedSize(text) {
		text = strings.TrimSuffix(text, mark)
		if text == "" || room <= 0 {
			return mark
		}
		text = text[:len(text)*room/size*9/10]
		text = text[:strings.LastIndexByte(text, '\n')+1] + mark
	}
	return text
}

// pathList is the JSON array of as many paths as an attribute has room for.
func pathList(paths []string) string {
	var list []string
	size := 0
	for _, path := range paths {
		path = oneLine(path)
		if size += quotedSize(path) + 1; size > maxAttributes-1024 {
			break
		}
		list = append(list, path)
	}
	text, err := encode(list)
	if err != nil { // strings always encode
		return "[]"
	}
	return text
}

// encode writes JSON without HTML's escapes, which would make six bytes of one and hide
// what a command says. What a terminal takes for a command is escaped, since people print dead letters.
func encode(v any) (string, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return string(payload.Legible(bytes.TrimSpace(b.Bytes()))), err
}
