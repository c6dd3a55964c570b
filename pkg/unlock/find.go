package unlock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// readers bounds how many stores are read at once: each holds a page in memory.
const readers = 4

// found is what the stores hold on the path of a lock.
type found struct {
	named      *tflock.Lock   // the lock that is meant
	others     []tflock.Lock  // other readable locks on the path
	unreadable []tflock.Lock  // holdings on the path that cannot be read
	unread     []error        // stores that could not be asked
	sealed     int            // holdings elsewhere that cannot be read, of a search
	choices    []hit          // what else may be meant, where it is not one lock alone
	textPath   string         // the path in the text, where the lock found by its ID is not of it
	beside     string         // what the text has beside what names the lock, and what may be read as another one
	earlier    ledger.Release // the last release of the lock before it was read; its time is zero where there is none
	forgotten  error          // that is not known
}

// hit is a lock that a text may mean.
type hit struct {
	path tflock.Path
	id   string

	// since is when it was taken at the earliest: of an object S3's time, of a row the last
	// reading of its table without it; zero where that is not known.
	since time.Time
	table string // the ARN of a table that has it; empty: none
}

// find looks for the lock that a request means. On the path that it gives every store is
// asked, consistently. Without one, or where a path in pasted text leads to nothing,
// every store is searched for the ID: text may be of a copied bucket, or masked.
//
// Pasted text may show people another lock than the one that counts, whatever hides which. So where
// not all of it is understood, nothing is released, and the choice is the caller's: see tflock.Meant.
func (u *Unlocker) find(ctx context.Context, r Request) found {
	if r.Path != "" {
		return u.at(ctx, tflock.Path(r.Path), r.lock.ID)
	}
	f := u.findByText(ctx, r)
	if f.named == nil || r.lock.ID == strings.TrimSpace(r.LockID) {
		return f
	}
	one := []hit{{path: f.named.Path, id: f.named.ID}}
	paths := pathsShown(f.named)
	if other := r.lock.OtherState(paths...); other != "" {
		return found{choices: one, textPath: other}
	}
	meant := tflock.Meant{ID: r.lock.ID, Paths: paths, Buckets: u.buckets(f.named.Path)}
	if beside := meant.Beside(r.LockID); beside != "" {
		return found{choices: one, beside: beside}
	}
	return f
}

// pathsShown are the paths under which a text may show a lock's state. What the lock says counts where a bucket or a folder was copied with
// its locks, and its state has the same key: whoever writes a lock with a script may say anything, such as "terraform.tfstate".
func pathsShown(l *tflock.Lock) []string {
	paths := []string{string(l.Path), string(l.Path.Clean())}
	said := tflock.Path(l.Info.Path)
	if !said.Valid() {
		return paths
	}
	key, saidKey := l.Path.Clean().Key(), said.Clean().Key()
	if behind, through := said.AccessPointKey(); through { // the client names the bucket by it
		saidKey = tflock.NewPath("-", behind).Clean().Key()
	}
	if saidKey == key || said.Bucket() == l.Path.Bucket() && strings.HasSuffix(key, "/"+saidKey) {
		paths = append(paths, l.Info.Path)
	}
	return paths
}

// buckets are the names of the buckets of states that a text may show: those that are watched, and that of
// the lock.
func (u *Unlocker) buckets(path tflock.Path) []string {
	names := []string{path.Bucket()}
	for _, b := range u.Stores.Buckets {
		names = append(names, b.Name())
	}
	return names
}

// searchTime bounds a search through all stores. Whoever may write under one prefix can make it last
// longer than the function does.
const searchTime = 40 * time.Second

// findByText looks for the lock that a request without a path names.
func (u *Unlocker) findByText(ctx context.Context, r Request) found {
	if r.lock.Literal == "" {
		if path := tflock.Path(cmp.Or(r.lock.Path, r.lock.DoubtfulPath)); path != "" {
			f := u.at(ctx, path, r.lock.ID)
			empty := len(f.others)+len(f.unreadable)+len(f.unread) == 0
			if f.named != nil || (string(path) == r.lock.Path && !empty) {
				return f
			}
		}
	}
	hits, sealed, unread := u.search(ctx, func(id string) bool { return isIDOf(r.lock.ID, id) || r.lock.Literal != "" && id == r.lock.Literal })
	switch {
	case len(hits) == 0:
		return found{unread: unread, sealed: sealed}
	case len(hits) > 1 || !isIDOf(r.lock.ID, hits[0].id):
		return found{choices: u.originalFirst(ctx, hits)}
	}
	if slices.ContainsFunc(unread, mayPass) { // what was not searched may have the same ID: one that was found is not the only one
		return found{choices: u.originalFirst(ctx, hits), unread: unread}
	}
	f := u.at(ctx, hits[0].path, r.lock.ID)
	if f.named == nil { // it went in the meantime
		f.unread = append(f.unread, unread...)
		return f
	}
	return f
}

// mayPass reports whether a search of a store could have come to its end: whoever may write one prefix can make it last
// too long. A store that refuses, or that does not exist, does so whatever anybody writes, and keeps nobody from a release.
func mayPass(err error) bool {
	refused, ok := errors.AsType[*backend.Error](err)
	return !ok || !refused.Refused()
}

// at reads what every store holds on one path, and before that the last release of the lock: a store may take its time, and what
// somebody else releases meanwhile is still seen.
func (u *Unlocker) at(ctx context.Context, path tflock.Path, id string) found {
	var f found
	if id != "" {
		f.earlier, _, f.forgotten = u.Releases.LastRelease(ctx, ledger.KeyOf(tflock.Lock{Path: path, ID: id}))
	}
	var mu sync.Mutex
	var holdings []tflock.Holding
	u.each(func(s backend.Store) {
		h, there, err := s.Find(ctx, path)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			f.unread = append(f.unread, err)
		} else if there {
			holdings = append(holdings, h)
		}
	})
	for _, l := range tflock.Merge(holdings) {
		switch {
		case !l.Readable():
			f.unreadable = append(f.unreadable, l)
		case isIDOf(id, l.ID):
			f.named = &l
		default:
			f.others = append(f.others, l)
		}
	}
	return f
}

// search returns every lock whose ID is wanted, sorted by path. It keeps nothing else of what it reads: a row may have 400 KB.
func (u *Unlocker) search(ctx context.Context, wanted func(id string) bool) (hits []hit, sealed int, unread []error) {
	ctx, cancel := context.WithTimeout(ctx, u.searchTime())
	defer cancel()
	var mu sync.Mutex
	on := hitsByName{}
	u.each(func(s backend.Store) {
		for h, err := range s.Holdings(ctx) {
			if err == nil && h.Err == nil && !wanted(h.Info.ID) {
				continue
			}
			mu.Lock()
			switch {
			case err != nil:
				unread = append(unread, err)
			case h.Err != nil:
				sealed++
			default:
				on.add(h)
			}
			mu.Unlock()
		}
	})
	hits = slices.SortedFunc(maps.Values(on), func(a, b hit) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.id, b.id)) })
	return hits, sealed, unread
}

func (u *Unlocker) searchTime() time.Duration { return cmp.Or(u.SearchTime, searchTime) }

// hitsByName are hits by their path and ID alone.
type hitsByName map[hit]hit

func (all hitsByName) add(h tflock.Holding) {
	key := hit{path: tflock.Path(strings.Clone(string(h.Path))), id: tflock.BoundedID(strings.Clone(h.Info.ID))}
	one, known := all[key]
	if !known {
		one = key
	}
	if h.Kind == tflock.S3 {
		one.since = h.Modified
	} else {
		one.table = h.Store
	}
	all[key] = one
}

func (u *Unlocker) each(read func(backend.Store)) {
	var group errgroup.Group
	group.SetLimit(readers)
	for _, s := range u.Stores.All() {
		group.Go(func() error { read(s); return nil })
	}
	_ = group.Wait() // none of them fails
}

// isIDOf reports whether a text is a lock's ID, or the short name of one that is too long to
// be written anywhere.
func isIDOf(text, id string) bool {
	return text == id || (len(id) > tflock.MaxID && text == tflock.BoundedID(id))
}

// concerns are what keeps us from calling the lock released as a whole: a store that was
// not read and may hold a half of it, and what cannot be read on its path.
func (f found) concerns() []error {
	list := slices.Clone(f.unread)
	for _, l := range f.unreadable {
		list = append(list, fmt.Errorf("%s holds something on this path that cannot be read, and it was left alone: %w", l.Holdings[0].Store, l.Holdings[0].Err))
	}
	return list
}
