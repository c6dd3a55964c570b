package ledger

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Store is what is remembered of one watched table or bucket, or of the search for a
// pattern.
type Store struct {
	Since        time.Time `json:"since,omitzero"`         // start of the first scan that read it; zero: that is not on record
	LastRead     time.Time `json:"last_read,omitzero"`     // start of the last scan that read it completely, but for Crowded
	FailingSince time.Time `json:"failing_since,omitzero"` // end of the first scan of the failure; zero while there is none
	Failed       int       `json:"failed,omitempty"`       // scans in a row that could not read it
	Good         int       `json:"good,omitempty"`         // scans in a row that read it since a failure that people know of
	Crowd        bool      `json:"crowd,omitempty"`        // the failure is that some prefixes have more locks than a scan can read
	NotifiedAt   time.Time `json:"notified_at,omitzero"`   // when people were last notified of the failure
	OfCrowd      bool      `json:"of_crowd,omitempty"`     // that was of a failure of that kind
	Notified     int       `json:"notified,omitempty"`     // how often they were
	Unsafe       bool      `json:"unsafe,omitempty"`       // people know that it does not honour conditional requests
	Matched      bool      `json:"matched,omitempty"`      // of a pattern: it has matched something, or people know that it has not
	Gaps         []Gap     `json:"gaps,omitempty"`         // when no scan read it, in the last 40 days, the oldest first
	// Crowded are the folders (bucket/first/, bucket/first/second/) that the last scan that read it did not read
	// completely, each with the start of the last scan that did.
	Crowded map[string]time.Time `json:"crowded,omitempty"`
	// Known are the folders of which people know that not everything in them was read, sorted: a few of each top-level prefix (see [tflock.Crowds]).
	Known []string `json:"known,omitempty"`
	// Slots count the messages about locks in it, by the kind of message and the top-level prefix.
	Slots map[string]map[string]Slot `json:"slots,omitempty"`
}

// A cause that may pass by itself is worth a notification at the third failed scan in a
// row, or after half an hour of them. After a failure that people know of, the second
// scan in a row that succeeds ends it.
const (
	failedScans   = 3
	longestSilent = 30 * time.Minute
	goodScans     = 2
)

// CompareStores says what is new about the stores, sorted as they are watched, and
// gives the memory of them once people are notified. A store that is no longer
// configured is forgotten without a word.
func CompareStores(m Memory, found *scan.Scan, rules Rules) ([]StoreStep, map[string]Store) {
	var steps []StoreStep
	next := make(map[string]Store, len(found.Watched))
	arns := sources(found)
	due := slices.ContainsFunc(arns, func(arn string) bool {
		s := m.Stores[arn]
		_, failed := found.Failures[arn]
		return failed && rules.Urgency(s.Notified, s.NotifiedAt, found.Ended) == Due
	})
	for _, arn := range arns {
		before := m.Stores[arn]
		after, change := before.read(found.Started, rules)
		failure, failed := found.Failures[arn]
		if failed {
			after, change = before.crowded(failure, found.Started, rules).fail(failure, due, found.Ended, rules)
		}
		if slices.Contains(found.Patterns, arn) {
			after, change = before.match(after, change, failed, found.Matches(arn))
		}
		after.Unsafe = before.Unsafe
		if change == Note {
			after, change = after.rely(found, arn)
		}
		next[arn] = after
		switch change {
		case Note:
		case Unsafe:
			silent := after
			silent.Unsafe = false
			steps = append(steps, StoreStep{Change: change, ARN: arn, Store: after, Unnotified: silent, Problem: found.Unsafe[arn]})
		case Recovered:
			steps = append(steps, StoreStep{Change: change, ARN: arn, Store: before, Unnotified: before.again(found.Started, rules)})
		case Unmatched:
			silent := after
			silent.Matched = false
			steps = append(steps, StoreStep{Change: change, ARN: arn, Store: after, Unnotified: silent, Problem: arn + ": " + unmatchedProblem})
		default:
			silent := after
			silent.Notified, silent.NotifiedAt, silent.OfCrowd, silent.Known = before.Notified, before.NotifiedAt, before.OfCrowd, before.Known
			steps = append(steps, StoreStep{Change: change, ARN: arn, Store: after, Unnotified: silent, Problem: failure.Problem})
		}
	}
	return append(steps, disappeared(m, found, next)...), next
}

// sources are the watched stores, and the patterns that could not be searched or could
// not when people last heard of it.
func sources(found *scan.Scan) []string {
	all := slices.Clone(found.Watched)
	for _, pattern := range found.Patterns {
		if !slices.Contains(all, pattern) {
			all = append(all, pattern)
		}
	}
	return all
}

// disappeared are the stores that a pattern covered and that no longer exist. What a
// search that failed might have found is remembered.
func disappeared(m Memory, found *scan.Scan, next map[string]Store) []StoreStep {
	var steps []StoreStep
	for arn, before := range m.Stores {
		if _, known := next[arn]; known {
			continue
		}
		switch {
		case found.Failed(arn):
			next[arn] = before
		case found.Disappeared(arn) && !before.LastRead.IsZero():
			steps = append(steps, StoreStep{Change: StoreDisappeared, ARN: arn, Store: before, Unnotified: before, Problem: arn + ": " + goneProblem})
		}
	}
	slices.SortFunc(steps, func(a, b StoreStep) int { return cmp.Compare(a.ARN, b.ARN) })
	return steps
}

// rely is the memory of whether locks in a store can be relied on, and whether people are
// notified that they cannot: once, until they can again.
func (s Store) rely(found *scan.Scan, arn string) (Store, Change) {
	_, doubtful := found.Doubts[arn]
	switch {
	case found.Failed(arn) || doubtful:
		return s, Note
	case found.Unsafe[arn] == "":
		s.Unsafe = false
		return s, Note
	case s.Unsafe:
		return s, Note
	}
	s.Unsafe = true
	return s, Unsafe
}

// match is the memory of a pattern, and whether people are notified that it has never
// matched anything: once, since it may be there for what is still to come.
func (s Store) match(after Store, change Change, failed, matches bool) (Store, Change) {
	after.Matched = s.Matched || (matches && !failed)
	if change == Note && !failed && s.Notified == 0 && !after.Matched {
		after.Matched = true
		return after, Unmatched
	}
	return after, change
}

const unmatchedProblem = "it matches nothing yet: what it matches later is watched from then on"

const goneProblem = "it matched a pattern until now, and no longer exists"

// read is the memory after a scan that read the store, and whether it recovered.
func (s Store) read(started time.Time, rules Rules) (Store, Change) {
	after := Store{Since: s.since(started), LastRead: started, Slots: s.Slots, Gaps: s.gaps(started, rules)}
	if s.Notified == 0 {
		return after, Note
	}
	if s.Good+1 >= goodScans {
		return after, Recovered
	}
	return s.again(started, rules), Note
}

// again is the memory after one more good scan since a failure that people know of.
func (s Store) again(started time.Time, rules Rules) Store {
	s.Gaps, s.Since, s.Known = s.gaps(started, rules), s.since(started), s.stillKnown(nil)
	s.LastRead, s.Crowded, s.Crowd, s.Failed, s.Good = started, nil, false, 0, s.Good+1
	return s
}

// since is the start of the first scan that read the store, after one that did.
func (s Store) since(started time.Time) time.Time {
	if s.LastRead.IsZero() {
		return started
	}
	return s.Since
}

// crowded is the memory after a scan that read everything but these prefixes: all else counts
// as read, or a flood under one prefix would take from everybody what the scans have seen.
func (s Store) crowded(f scan.Failure, started time.Time, rules Rules) Store {
	if len(f.Crowded) == 0 {
		return s
	}
	prefixes := make(map[string]time.Time, len(f.Crowded))
	for _, prefix := range f.Crowded {
		prefixes[prefix] = s.lastRead(tflock.Path(prefix))
	}
	s.Known = s.stillKnown(prefixes)
	s.Gaps, s.Since = s.gaps(started, rules), s.since(started)
	s.LastRead, s.Crowded = started, prefixes
	return s
}

// stillKnown are the folders of which people know that they are crowded, now or in the scan before. What was read twice in a row since is new to
// them when it is crowded again: a store has no other message that it is over while somebody keeps another folder crowded.
func (s Store) stillKnown(now map[string]time.Time) []string {
	known := crowdsOf(slices.Values(s.Known))
	still := map[string]bool{}
	for _, crowded := range []map[string]time.Time{s.Crowded, now} {
		for folder := range crowded {
			if _, has := known.Of(tflock.Path(folder)); has {
				still[folder] = true
			}
		}
	}
	return namesOf(crowdsOf(maps.Keys(still)))
}

// crowdsOf are some folders. Of those of one team many become one, and none becomes one with another team's: whoever may write a prefix can have
// any number of them, and teams may share the first part of their keys (env:/).
func crowdsOf(folders iter.Seq[string]) tflock.Crowds {
	var all tflock.Crowds
	for _, folder := range slices.Sorted(folders) {
		all.Add(tflock.Path(folder))
	}
	return all
}

// lastRead is the start of the last scan that read everything on a path, or in the whole of a folder.
func (s Store) lastRead(path tflock.Path) time.Time {
	last := s.LastRead
	for prefix, read := range s.Crowded {
		within := strings.HasSuffix(string(path), "/") && strings.HasPrefix(prefix, string(path))
		if (within || strings.HasPrefix(string(path), prefix)) && read.Before(last) {
			last = read
		}
	}
	return last
}

// unread reports whether the last scan could not read what is on a path.
func (s Store) unread(path tflock.Path) bool {
	return s.Failed > 0 && (!s.Crowd || !s.lastRead(path).Equal(s.LastRead))
}

// fail is the memory after a scan that could not read the store completely, and what people are
// notified of. due says whether the reminder of any failing store is due. That some prefixes are
// crowded, and that the store cannot be read, are two failures: people who know of one do not
// know of the other.
func (s Store) fail(f scan.Failure, due bool, now time.Time, rules Rules) (Store, Change) {
	crowd := len(f.Crowded) > 0
	// While people know of neither, both count: somebody could have one of them come and go, so that neither lasts.
	if s.FailingSince.IsZero() || (s.Crowd != crowd && s.Notified > 0) {
		s.FailingSince, s.Failed = now, 0
	}
	s.Failed, s.Good, s.Crowd = s.Failed+1, 0, crowd
	change := Note
	switch known := s.Notified > 0 && s.OfCrowd == crowd; {
	case !known && (!f.Passing || s.persists(now, rules)):
		change, s.Notified, s.OfCrowd, s.Known = Failed, 0, crowd, nil
	case known && rules.Urgency(s.Notified, s.NotifiedAt, now).reminds(due): // before the next: whoever has one folder crowded after the other would keep reminders back
		change, s.Known = StillFailed, nil
	case known && s.crowdsOthers(now, rules): // its reminders go on, or they would not become critical
		s.Known = s.knowing()
		return s, Failed
	}
	if change != Note {
		s.Notified, s.NotifiedAt, s.Known = s.Notified+1, now, s.knowing()
	}
	return s, change
}

// maxKnown bounds the folders of which people know, for the room that they take.
const maxKnown = 50

// crowdsOthers reports whether a folder has been crowded for some scans of which people do not know that:
// whoever keeps one crowded would have them learn of others with the next reminder alone.
func (s Store) crowdsOthers(now time.Time, rules Rules) bool {
	if !s.Crowd || len(s.Known) >= maxKnown {
		return false
	}
	all := crowdsOf(slices.Values(s.Known))
	for folder, read := range s.Crowded {
		_, known := all.Of(tflock.Path(folder))
		if !known && now.Sub(read) >= failedScans*rules.ScanEvery-rules.ScanEvery/2 {
			return true
		}
	}
	return false
}

// knowing are the folders of which people know once they are notified of all that are crowded now.
func (s Store) knowing() []string {
	if !s.Crowd {
		return nil
	}
	all := crowdsOf(slices.Values(slices.AppendSeq(slices.Clone(s.Known), maps.Keys(s.Crowded))))
	return namesOf(all)
}

// namesOf are as many of some folders as there is room for.
func namesOf(folders tflock.Crowds) []string {
	var names []string
	for _, folder := range folders.All() {
		names = append(names, string(folder))
	}
	return names[:min(len(names), maxKnown)]
}

// persists reports whether a failure that may pass by itself has lasted too long.
func (s Store) persists(now time.Time, rules Rules) bool {
	lasted := now.Sub(s.FailingSince)
	return s.Failed >= failedScans || (s.Failed > 1 && lasted >= longestSilent-min(rules.ScanEvery, longestSilent)/2)
}
