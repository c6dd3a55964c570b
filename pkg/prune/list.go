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

// lister finds the stale states that a pass has not done.
type lister struct {
	buckets []*backend.Bucket
	paths   policy.Paths
	cutoff  time.Time // a state that was written before it is stale
	pass    *pass
	tally   *tally
}

// list goes over every bucket by the prefixes of the paths, from a place on, for so long at most. It gives
// where the next run is to go on; the zero place is the beginning, and the end.
func (l *lister) list(ctx context.Context, from ledger.Place, atMost time.Duration) (*candidates, ledger.Place) {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	found, places := &candidates{}, l.places()
	if i := slices.IndexFunc(places, func(p ledger.Place) bool { return p.Bucket == from.Bucket && p.Prefix == from.Prefix }); i >= 0 { // it is still watched
		places = places[i:]
		places[0].Key = from.Key
	}
	var b *backend.Bucket
	var readable, versioned bool
	for _, place := range places {
		if b == nil || b.ARN() != place.Bucket {
			b = l.buckets[slices.IndexFunc(l.buckets, func(b *backend.Bucket) bool { return b.ARN() == place.Bucket })]
			readable, versioned = l.look(ctx, b)
		}
		if readable && l.part(ctx, b, versioned, &place, found) {
			return found, place
		}
	}
	return found, ledger.Place{}
}

// part lists what a bucket has after a place, and moves the place on. It reports whether there was no time for all of it.
func (l *lister) part(ctx context.Context, b *backend.Bucket, versioned bool, place *ledger.Place, found *candidates) (stopped bool) {
	for o, err := range b.Objects(ctx, place.Prefix, place.Key) {
		switch {
		case ctx.Err() != nil:
			return true
		case err != nil:
			l.tally.fail("", err)
			return false
		}
		place.Key = o.Key
		if !l.stale(o) {
			continue
		}
		path := tflock.NewPath(b.Name(), o.Key)
		if number := l.pass.number(path, o.Modified); !l.pass.stay[number] {
			folder := tflock.Folder(path, path)
			found.add(&candidate{
				bucket: b, path: path, number: number, place: l.pass.place(number), turn: folder + "/" + path[len(folder):],
				size: o.Size, modified: o.Modified, versioned: versioned,
			})
		}
	}
	return false
}

// look reports whether a bucket can be listed, as far as is known, and has versions.
func (l *lister) look(ctx context.Context, b *backend.Bucket) (readable, versioned bool) {
	versioned, err := b.Versioned(ctx)
	if err != nil && ctx.Err() == nil {
		l.tally.fail("", err)
		return false, false
	}
	return true, versioned
}

// places are the beginnings of all parts of the listing.
func (l *lister) places() (all []ledger.Place) {
	for _, b := range l.buckets {
		for _, prefix := range l.paths.Prefixes() {
			all = append(all, ledger.Place{Bucket: b.ARN(), Prefix: prefix})
		}
	}
	return all
}

// stale reports whether an object is a stale state whose path may be pruned. A key that ends
// in a slash is a folder that some console made, and what a probe left is not a state.
func (l *lister) stale(o backend.Object) bool {
	return !strings.HasSuffix(o.Key, "/") && !strings.HasPrefix(o.Key, probe.Prefix) && l.paths.Match(o.Key) && !o.Modified.After(l.cutoff)
}
