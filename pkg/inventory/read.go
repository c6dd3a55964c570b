package inventory

import (
	"context"
	"crypto/md5" //nolint:gosec // the clients' own digest is MD5
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

const (
	// workers bounds the states that are read at once.
	workers = 16
	// saveEvery bounds what a run that is killed has read in vain.
	saveEvery = 2 * time.Minute
	// maxObjects bounds the objects of one state that are remembered, for the memory that
	// they take: 800 KB.
	maxObjects = 100_000
)

// result is what came of reading a state.
type result struct {
	state   *state
	etag    string
	size    int64
	reading *reading // nil: it could not be read
	sealed  bool
	gone    bool
	late    bool // the time was up before it was read to its end
	changes []policy.StateFinding
	writes  []write
	err     error // of the store
	notes   []string
}

// read reads the states that changed, and saves the memory now and then. What is left when
// the time is up differs still in the next run, and is read then.
func (r *run) read(ctx context.Context) error {
	waiting, results := statesOf(r.changed()), make(chan result)
	var group sync.WaitGroup
	for range min(workers, waiting.left) {
		group.Go(func() {
			names := newNamer(r.memory.key)
			for s, more := r.next(waiting); more; s, more = r.next(waiting) {
				got := r.readState(s, names)
				waiting.done(s)
				results <- got
			}
		})
	}
	go func() {
		group.Wait()
		close(results)
	}()
	var failed error
	late, saved := 0, r.Now()
	for result := range results {
		if result.late {
			late++
			continue
		}
		r.apply(result)
		if failed == nil && r.Now().Sub(saved) > saveEvery {
			failed = r.memory.save(ctx)
			saved = r.Now()
		}
	}
	if n := waiting.left + late; n > 0 {
		r.remark(errTimeUp(n).Error())
	}
	return failed
}

// changed are the states that are not known as they are now, the oldest change first.
func (r *run) changed() []*state {
	var all []*state
	room := r.room.clone()
	for path, s := range r.memory.states {
		if r.includes(path) && !r.bucketFailed(path) && (!s.current() || s.reserveNames(room)) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *state) int { return a.Modified.Compare(b.Modified) })
	return all
}

// next is the next state to read; false: there is none, or the time is up.
func (r *run) next(waiting *queue[*state]) (s *state, found bool) {
	if r.Now().After(r.times.stopAt) || r.times.reading.Err() != nil {
		return nil, false
	}
	return waiting.next()
}

// apply takes over a result.
func (r *run) apply(got result) {
	s := got.state
	switch {
	case r.memory.states[s.Path] != s: // it gave way to others
	case got.gone:
		r.forget(s.Path)
	case got.err != nil:
		r.failAt(s.Path, got.err)
	case got.sealed:
		s.Sealed = true
	default:
		r.reads++
		r.grow(s, func() {
			s.Sealed, s.Read, s.ETag, s.Size, s.Modified = false, got.reading, got.etag, got.size, got.reading.Modified
			s.newVersions = got.writes
		})
		s.Digest = ""
		for _, f := range got.changes {
			r.note(f)
		}
		r.trim()
	}
	for _, note := range got.notes {
		r.remarkAt(s.Path, note)
	}
}

// readState reads one state, and compares it with what was read before. It changes nothing.
func (r *run) readState(s *state, names *namer) result {
	got := r.readIn(r.times.reading, s, names)
	got.late = got.err != nil && r.times.reading.Err() != nil
	return got
}

func (r *run) readIn(ctx context.Context, s *state, names *namer) result {
	got := result{state: s}
	body, err := r.stores.BucketOf(s.Path).ReadState(ctx, s.Path, "")
	if sealed, ok := errors.AsType[*backend.SealedError](err); ok {
		got.sealed = true
		if sealed.Denied {
			got.notes = append(got.notes, fmt.Sprintf("%s: %s", plain.Quoted(s.Path), sealed.Error()))
		}
		return got
	}
	if errors.Is(err, backend.ErrGone) {
		got.gone = true
		return got
	}
	if err != nil {
		got.err = fmt.Errorf("%s: %w", plain.Quoted(s.Path), err)
		return got
	}
	defer body.Close() //nolint:errcheck // nothing is lost with a body that was read
	got.etag, got.size = body.ETag, body.Size
	got.reading, _, err = r.digest(body, names)
	if err != nil {
		got.reading, got.err = nil, fmt.Errorf("%s: %w", plain.Quoted(s.Path), err)
		return got
	}
	if len(got.reading.Objects) == maxObjects {
		got.notes = append(got.notes, fmt.Sprintf("%s manages more than %d objects: duplicates of the others are not looked for", plain.Quoted(s.Path), maxObjects))
	}
	if s.Read != nil && s.Read.ETag != got.etag {
		change, err := r.compare(ctx, s.Path, s.Read, got.reading, names)
		if err != nil {
			got.reading, got.err = nil, err // once more in the next run, so that nothing goes unnoticed
			return got
		}
		got.changes, got.writes = change.found, change.writes
		if change.note != "" {
			got.notes = append(got.notes, change.note)
		}
	}
	return got
}

// digest surveys the bytes of a state, and returns their MD5 in hex beside it.
func (r *run) digest(body backend.State, names *namer) (*reading, string, error) {
	sum := md5.New() //nolint:gosec // the clients' own digest is MD5
	var objects hashes
	contents, err := tfstate.Survey(io.TeeReader(body, sum), func(o tfstate.Object) {
		if name, ok := names.of(o); ok && len(objects) < maxObjects {
			objects = append(objects, name)
		}
	})
	if err != nil {
		return nil, "", err
	}
	slices.Sort(objects)
	digest := hex.EncodeToString(sum.Sum(nil))
	return &reading{
		ETag: body.ETag, VersionID: body.VersionID, Modified: body.Modified.UTC(), Contents: contents,
		MD5: r.memory.key.of("md5", digest), Objects: slices.Clip(slices.Compact(objects)),
	}, digest, nil
}
