package prune

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/probe"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// candidate is a stale state whose path may be pruned.
type candidate struct {
	bucket    *backend.Bucket
	path      tflock.Path
	modified  time.Time
	versioned bool
	number    int         // counts those that were found, from 1
	before    ledger.Mark // a list from there on finds it again
	within    *stretch
}

// lister finds stale states, in the order of their keys, and gives them to the batcher.
type lister struct {
	buckets []*backend.Bucket
	paths   policy.Paths
	cutoff  time.Time // a state that was written before it is stale
	stopAt  time.Time
	now     func() time.Time
	tally   *tally
	batch   *batcher

	from   *ledger.Mark // skip everything before it; nil: its place was reached
	resume *ledger.Mark // how much of one folder an earlier run examined, after all others; nil: of none
	number int          // of the last candidate
	later  []*stretch   // folders whose rest comes after everything else
}

// stretch is a part of a bucket's listing: a prefix of the paths, or a folder that comes after everything else.
type stretch struct {
	bucket    *backend.Bucket
	versioned bool
	here      ledger.Mark    // by the prefix of the paths, or the outermost folder that it is a part of
	folders   tflock.Folders // below its own
	examined  *spans         // of that outermost folder's states; nil: it is not a folder
	turn      tflock.Amount
	turns     int  // that it had
	many      bool // it is the rest of a prefix of the paths: its folders may be of many teams, and are each an outermost one
}

// spans are numbers of states, from the first to the last of each.
type spans [][2]int

func (s *spans) has(number int) bool {
	return slices.ContainsFunc(*s, func(of [2]int) bool { return of[0] <= number && number <= of[1] })
}

// list goes over every bucket by the prefixes of the paths, from the mark on. It gives
// where the next run is to go on, or nil at the end.
func (l *lister) list(ctx context.Context, from ledger.Mark) *ledger.Mark {
	prefixes := l.paths.Prefixes()
	switch {
	case l.position(from.Bucket) < 0:
	case slices.Contains(prefixes, from.Prefix) && !from.Rest:
		l.from = &from
	case slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(from.Prefix, prefix) }):
		l.resume = &from
	}
	for _, b := range l.buckets {
		if stopped := l.bucket(ctx, b, prefixes); stopped != nil {
			return stopped
		}
	}
	return l.rest(ctx, from)
}

// next takes the stretch out that comes next:
//   - The less it has in common with the place where an earlier run stopped, the sooner, and to its end: a hundred states of one team can take all of a run.
//   - Of those that are alike in that, one that had the fewest turns, and the first one behind that place. Else each run would come as far as that one, where
//     there is not time for all of it, and would not come further, where that place alone takes it.
func (l *lister) next(from ledger.Mark) *stretch {
	at := l.position(from.Bucket)
	place := tflock.NewPath(from.Bucket, from.Key)
	near := func(s *stretch) int {
		prefix := tflock.NewPath(s.here.Bucket, s.here.Prefix)
		if strings.HasPrefix(string(place), string(prefix)) { // a prefix of the paths need not be a folder
			return len(prefix)
		}
		return len(tflock.Folder(place, prefix))
	}
	before := func(s *stretch) int {
		here := l.position(s.here.Bucket)
		if here > at || here == at && s.here.Prefix > from.Key {
			return 0
		}
		return 1
	}
	next := slices.MinFunc(l.later, func(a, b *stretch) int {
		return cmp.Or(cmp.Compare(near(a), near(b)), cmp.Compare(a.turns, b.turns), cmp.Compare(before(a), before(b)))
	})
	l.later = slices.DeleteFunc(l.later, func(s *stretch) bool { return s == next })
	next.turns++
	return next
}

// position is that of a mark's bucket; negative: it is no longer listed.
func (l *lister) position(arn string) int {
	return slices.IndexFunc(l.buckets, func(b *backend.Bucket) bool { return b.ARN() == arn })
}

// bucket lists one bucket. It returns where it stopped, and nil if it came to the end.
func (l *lister) bucket(ctx context.Context, b *backend.Bucket, prefixes []string) *ledger.Mark {
	versioned, err := b.Versioned(ctx)
	if err != nil {
		l.tally.fail("", err)
		return l.skip(ctx, b, prefixes)
	}
	for _, prefix := range prefixes {
		s := &stretch{bucket: b, versioned: versioned, here: ledger.Mark{Bucket: b.ARN(), Prefix: prefix}, folders: tflock.Folders{Root: prefix, Whole: len(prefixes) > 1, Turn: firstTurn}}
		if l.from != nil {
			if l.from.Bucket != s.here.Bucket || l.from.Prefix != s.here.Prefix {
				continue
			}
			s.here.Key = l.from.Key
			l.from = nil
		}
		if l.read(ctx, s) == stopped {
			return &s.here
		}
	}
	return nil
}

// skip passes over a bucket that cannot be read. Where the time is up, the next run begins
// with it.
func (l *lister) skip(ctx context.Context, b *backend.Bucket, prefixes []string) *ledger.Mark {
	switch {
	case ctx.Err() != nil && l.from != nil:
		return l.from
	case ctx.Err() != nil && len(prefixes) > 0:
		return &ledger.Mark{Bucket: b.ARN(), Prefix: prefixes[0]}
	case l.from != nil && l.from.Bucket == b.ARN():
		l.from = nil
	}
	return nil
}

// rest lists the folders that come after everything else, in turns. It returns where the first one
// stopped, and nil if all came to their end.
func (l *lister) rest(ctx context.Context, from ledger.Mark) *ledger.Mark {
	for len(l.later) > 0 {
		s := l.next(from)
		first := l.number + 1
		s.turn = tflock.Amount{}
		end := l.read(ctx, s)
		*s.examined = append(*s.examined, [2]int{first, l.number})
		switch end {
		case stopped:
			l.tally.goesOn(s.examined)
			return &s.here
		case itsTurnIsOver:
			l.later = append(l.later, s)
		case atTheEnd, elsewhere:
		}
	}
	return nil
}

// ending is how the reading of a stretch ended.
type ending int

const (
	atTheEnd      ending = iota
	stopped              // there is no time left
	itsTurnIsOver        // others wait
	elsewhere            // it goes on at another place
)

// read lists a stretch, from where it is on.
func (l *lister) read(ctx context.Context, s *stretch) ending {
	for {
		if end := l.readOn(ctx, s); end != elsewhere {
			return end
		}
	}
}

// readOn lists a stretch until it has to go on at another place.
func (l *lister) readOn(ctx context.Context, s *stretch) ending {
	for o, err := range s.bucket.Objects(ctx, s.folders.Root, s.here.Key) {
		now := l.now()
		if now.After(l.stopAt) || ctx.Err() != nil || l.tally.full() {
			return stopped
		}
		if l.batch.due(now) {
			l.batch.dispatch(ctx)
		}
		if err != nil {
			l.tally.fail("", err)
			return atTheEnd
		}
		if l.seek(s, o.Key) {
			return elsewhere
		}
		before := s.here
		s.here.Key = o.Key
		if !l.stale(o) {
			continue
		}
		l.found(s, o, before, now)
		if end := l.endOfTurn(s); end != atTheEnd {
			return end
		}
	}
	return atTheEnd
}

// endOfTurn reports whether something else comes before the rest of a stretch, and why.
func (l *lister) endOfTurn(s *stretch) ending {
	switch {
	case l.postpone(s):
		return elsewhere
	case s.turn.Reaches(turn) && s.examined != nil && len(l.later) > 0:
		return itsTurnIsOver
	}
	return atTheEnd
}

// found returns a stale state to the batcher, and counts it.
func (l *lister) found(s *stretch, o backend.Object, before ledger.Mark, now time.Time) {
	l.number++
	path := tflock.NewPath(s.bucket.Name(), o.Key)
	l.batch.add(candidate{
		bucket: s.bucket, path: path, modified: o.Modified, versioned: s.versioned, number: l.number, before: before, within: s,
	}, now)
	amount := cost(o.Size) + l.tally.recordCost(path)
	s.folders.Find(o.Key, amount, l.number)
	s.turn.Add(amount)
}

// seek moves a stretch to where an earlier run stopped in the folder that a key is in, and reports
// whether it moved.
func (l *lister) seek(s *stretch, key string) bool {
	if l.resume == nil || l.resume.Bucket != s.here.Bucket || !strings.HasPrefix(key, l.resume.Prefix) {
		return false
	}
	at := l.resume.Key
	l.resume = nil
	if at < key {
		return false
	}
	s.here.Key = at
	return true
}

// postpone lets the rest of a folder come after everything else, once there is enough of it, and
// reports whether it did.
func (l *lister) postpone(s *stretch) bool {
	if len(l.later) == maxLater {
		return false
	}
	f, enough := s.folders.Postpone()
	if !enough {
		return false
	}
	part := &stretch{bucket: s.bucket, versioned: s.versioned, here: s.here, folders: tflock.Folders{Root: f.Name, Turn: turn}, examined: s.examined}
	if s.examined == nil || s.many {
		part.here.Prefix, part.here.Rest, part.examined = f.Name, true, &spans{{f.First, l.number}}
	}
	if f.Name == s.folders.Root { // a prefix of the paths: others than those whose folders were postponed before may have the rest of it
		part.folders.Turn, part.many = firstTurn, true
		l.later = slices.Insert(l.later, 0, part)
	} else {
		l.later = append(l.later, part)
	}
	s.here.Key = lastKey(f.Name)
	return true
}

// stale reports whether an object is a stale state whose path may be pruned. A key that ends
// in a slash is a folder that some console made, and what a probe left is not a state.
func (l *lister) stale(o backend.Object) bool {
	return !strings.HasSuffix(o.Key, "/") && !strings.HasPrefix(o.Key, probe.Prefix) && l.paths.Match(o.Key) && !o.Modified.After(l.cutoff)
}
