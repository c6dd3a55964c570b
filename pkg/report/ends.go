package report

import (
	"context"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// past counts the locks that have ended, and returns those whose end is counted too: the
// stuck ones that ended in one of the weeks, and those that were released through us. One
// that was held when the current ones were read is counted with them.
func (r *Reporter) past(ctx context.Context, held keys, weeks []*tally, released lastReleases) (endings, error) {
	var ended endings
	for past, err := range r.History.Past(ctx) {
		if err != nil {
			return endings{}, err
		}
		key := keyOf(past)
		if held.has(key) {
			continue
		}
		released.stuck(key, past.StuckAt)
		released.noteEnd(key, past.Ended)
		byUs := certain(released[key].Release)
		for _, t := range weeks {
			t.past(past)
			switch {
			case !t.has(past.Ended):
			case byUs:
				ended.byUs = append(ended.byUs, past)
			case past.Resolved:
				ended.add(past, weeks)
			}
		}
	}
	ended.newest(weeks)
	return ended, nil
}

// endings are the ends of locks that are counted when all were read: of a release through us
// for certain, and of any other of which it is looked up who removed it.
type endings struct{ byUs, others []ledger.Past }

// add keeps an end until it is looked up. Of the older ones, where there are too many to look
// up, it is not known who removed them.
func (e *endings) add(p ledger.Past, weeks []*tally) {
	if p.ETag == "" { // S3 says nothing of a row
		unknownEnd(p, weeks)
		return
	}
	if e.others = append(e.others, p); len(e.others) >= 2*maxWitnessed {
		e.newest(weeks)
	}
}

// newest keeps those that are looked up, the newest ones of each folder of states, and counts
// the others.
func (e *endings) newest(weeks []*tally) {
	slices.SortStableFunc(e.others, func(a, b ledger.Past) int { return b.Ended.Compare(a.Ended) })
	kept := min(len(e.others), maxWitnessed)
	if kept < len(e.others) {
		e.others = tflock.InTurns(e.others, func(p ledger.Past) tflock.Path { return p.Path })
	}
	for _, p := range e.others[kept:] {
		unknownEnd(p, weeks)
	}
	clear(e.others[kept:])
	e.others = e.others[:kept]
}

func unknownEnd(p ledger.Past, weeks []*tally) {
	for _, t := range weeks {
		t.countEnd(p, byUnknown, false)
	}
}

// countEnds counts the ends of locks, with who removed each.
func (r *Reporter) countEnds(ctx context.Context, ended endings, weeks []*tally, released lastReleases) {
	events := r.removals(ctx, ended.others)
	for _, t := range weeks {
		for _, past := range ended.byUs {
			t.countEnd(past, through(released[keyOf(past)].Release), true)
		}
		for _, past := range ended.others {
			event, seen := events[objectOf(past)]
			t.countEnd(past, remover(past, event, seen, released[keyOf(past)].Release), false)
		}
	}
}
