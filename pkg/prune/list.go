package prune

import (
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
	number int          // of the last candidate
}

// list goes over every bucket by the prefixes of the paths, from the mark on. It gives
// where the next run is to go on, or nil at the end.
func (l *lister) list(ctx context.Context, from ledger.Mark) *ledger.Mark {
	prefixes := l.paths.Prefixes()
	if l.names(from, prefixes) {
		l.from = &from
	}
	for _, b := range l.buckets {
		if stopped := l.bucket(ctx, b, prefixes); stopped != nil {
			return stopped
		}
	}
	return nil
}

// names says whether the mark still names something that is listed.
func (l *lister) names(mark ledger.Mark, prefixes []string) bool {
	return slices.Contains(prefixes, mark.Prefix) && slices.ContainsFunc(l.buckets, func(b *backend.Bucket) bool { return b.ARN() == mark.Bucket })
}

// bucket lists one bucket. It gives where it stopped, and nil if it came to the end.
func (l *lister) bucket(ctx context.Context, b *backend.Bucket, prefixes []string) *ledger.Mark {
	versioned, err := b.Versioned(ctx)
	if err != nil {
		l.tally.fail(err)
		return l.skip(ctx, b, prefixes)
	}
	for _, prefix := range prefixes {
		here := ledger.Mark{Bucket: b.ARN(), Prefix: prefix}
		if l.from != nil {
			if l.from.Bucket != here.Bucket || l.from.Prefix != here.Prefix {
				continue
			}
			here.Key, l.from = l.from.Key, nil
		}
		if stopped := l.prefix(ctx, b, versioned, here); stopped != nil {
			return stopped
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

func (l *lister) prefix(ctx context.Context, b *backend.Bucket, versioned bool, here ledger.Mark) *ledger.Mark {
	for o, err := range b.Objects(ctx, here.Prefix, here.Key) {
		now := l.now()
		if now.After(l.stopAt) || ctx.Err() != nil {
			return &here
		}
		if l.batch.due(now) {
			l.batch.dispatch(ctx)
		}
		if err != nil {
			l.tally.fail(err)
			return nil
		}
		before := here
		here.Key = o.Key
		if l.stale(o) {
			l.number++
			l.batch.add(candidate{
				bucket: b, path: tflock.NewPath(b.Name(), o.Key), modified: o.Modified, versioned: versioned, number: l.number, before: before,
			}, now)
		}
	}
	return nil
}

// stale says whether an object is a stale state whose path may be pruned. A key that ends
// in a slash is a folder that some console made, and what a probe left is not a state.
func (l *lister) stale(o backend.Object) bool {
	return !strings.HasSuffix(o.Key, "/") && !strings.HasPrefix(o.Key, probe.Prefix) && l.paths.Match(o.Key) && !o.Modified.After(l.cutoff)
}
