package inventory

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// The values of the column `digest`.
const (
	digestOK       = "ok"
	digestMismatch = "mismatch"
	digestNone     = "none"
	digestUnknown  = "unknown"
)

// settle is how long a digest must differ: clients write it after the state, and readers
// compare for ten seconds.
const settle = 15 * time.Second

// suspect is a digest that is not that of its state, at the first look.
type suspect struct {
	table  *backend.Table
	row    tflock.Path // the path by which the table has it
	digest string
	state  *state // nil: there is none
}

// path is that of the state, or of the row where there is none.
func (s suspect) path() tflock.Path {
	if s.state != nil {
		return s.state.Path
	}
	return s.row
}

// look is what the tables say at the first look.
type look struct {
	matching map[*state]bool // a table has the right digest
	unknown  map[*state]bool // a table has a digest of a state that could not be read
	ended    time.Time
}

// digests compares every digest with its state, and looks again at those that differ.
func (r *run) digests(locking map[tflock.Path][]policy.LockingSeen) []policy.StateFinding {
	first := r.lookAtTables()
	r.noteDigests(first)
	groups := map[tflock.Path][]suspect{}
	for _, s := range r.suspects.items() {
		groups[s.path()] = append(groups[s.path()], s)
	}
	if n := sum(r.suspects.left); n > 0 {
		r.remark(fmt.Sprintf("%d digests under %s that differ were not looked at again: there are more than the function's memory is enough for", n, crowd(r.suspects.left)))
	}
	if len(groups) == 0 {
		return nil
	}
	anyNew := false
	for path, suspects := range groups {
		anyNew = anyNew || r.known(path, suspects) == nil
	}
	wait := time.Duration(0) // what is known differed in an earlier run already
	if anyNew {
		wait = settle - r.Now().Sub(first.ended)
	}
	if err := r.Wait(r.times.work, wait); err != nil {
		for path := range groups {
			r.doubts.digest(path)
		}
		r.remark("digests that differ could not be looked at again: " + errInterrupted.Error())
		return nil
	}
	return r.confirm(groups, first, locking)
}

// lookAtTables reads all tables side by side, or the rows of the one state that is asked for.
func (r *run) lookAtTables() *look {
	first := &look{matching: map[*state]bool{}, unknown: map[*state]bool{}}
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, 4)
	for _, t := range r.stores.Tables {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			err := r.eachRow(t, func(row backend.StateRow) {
				mu.Lock()
				defer mu.Unlock()
				r.sort(first, t, row)
			})
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				r.tablesFailed[t.ARN()] = true
				r.fail(err)
			}
		})
	}
	group.Wait()
	first.ended = r.Now()
	return first
}

func (r *run) eachRow(t *backend.Table, visit func(backend.StateRow)) error {
	if r.scope != "" {
		return r.eachRowOfScope(t, visit)
	}
	for row, err := range t.Rows(r.times.work) {
		if err != nil {
			return err
		}
		visit(row)
	}
	return nil
}

// eachRowOfScope visits the rows of the one state under each name that the table has for
// it, and those that say under which other names any state may be locked.
func (r *run) eachRowOfScope(t *backend.Table, visit func(backend.StateRow)) error {
	aliases, err := t.Aliases(r.times.work)
	if err != nil {
		return err
	}
	for name := range aliases.All() {
		visit(backend.StateRow{Path: name})
	}
	for _, name := range append([]tflock.Path{r.scope}, aliases.Of(r.scope)...) {
		digest, err := t.Digest(r.times.work, name)
		if err != nil {
			return err
		}
		if digest != "" {
			visit(backend.StateRow{Path: name, Digest: backend.BoundedDigest(digest)})
		}
	}
	return nil
}

// sort says what a row means for the state that it is about.
func (r *run) sort(first *look, t *backend.Table, row backend.StateRow) {
	b := r.stores.BucketOf(row.Path)
	if b == nil || r.bucketsFailed[b.Name()] {
		return
	}
	paths := row.Path.Objects()
	if clean := paths[len(paths)-1]; clean != row.Path && clean.Prefix() == row.Path.Prefix() {
		r.alias(clean, row.Path)
	}
	if row.Digest == "" || row.Path.Climbs() {
		return
	}
	i := slices.IndexFunc(paths, func(path tflock.Path) bool { return r.memory.states[path] != nil })
	if i < 0 {
		if slices.ContainsFunc(paths, r.isState) && !slices.ContainsFunc(paths, r.leftOut) {
			r.suspect(suspect{table: t, row: row.Path, digest: row.Digest})
		}
		return
	}
	s := r.memory.states[paths[i]]
	if !r.includes(s.Path) { // the scope is another name of a state that has other rows too
		return
	}
	s.notedIn(t.ARN())
	switch {
	case !s.current():
		first.unknown[s] = true
	case bytes.Equal(s.Read.MD5, r.memory.key.of("md5", row.Digest)):
		first.matching[s] = true
	default:
		r.suspect(suspect{table: t, row: row.Path, digest: row.Digest, state: s})
	}
}

// suspect takes note of a digest that is not its state's.
func (r *run) suspect(s suspect) { r.suspects.add(s.path().Prefix(), s, s.weight()) }

// alias takes note of another name of a state. A prefix with too many of them is left alone: any
// of its states may be locked.
func (r *run) alias(path, name tflock.Path) {
	prefix, names := path.Prefix(), r.aliases[path]
	if len(names) > backend.MaxAliases || slices.Contains(names, name) || r.names.gaveWay(prefix) {
		return
	}
	r.aliases[path] = append(names, name)
	if r.names.add(prefix, len(path)+len(name)+perText); !r.names.full() {
		return
	}
	_, largest := r.names.clear()
	for path := range r.aliases {
		if slices.Contains(largest, path.Prefix()) {
			delete(r.aliases, path)
		}
	}
	for _, prefix := range largest {
		r.names.add(prefix, -r.names.under[prefix])
	}
}

// noteDigests fills the column for the states whose digests need no second look. The others
// are unknown until then.
func (r *run) noteDigests(first *look) {
	for path, s := range r.memory.states {
		if !r.includes(path) || r.bucketFailed(path) {
			continue
		}
		switch {
		case first.matching[s]:
			s.Digest = digestOK
		case first.unknown[s] || len(r.tablesFailed) > 0 || !s.current() || r.suspects.left[path.Prefix()] > 0:
			s.Digest = digestUnknown
		default:
			s.Digest = digestNone
		}
	}
	for _, s := range r.suspects.items() {
		if s.state != nil && !first.matching[s.state] {
			s.state.Digest = digestUnknown
		}
	}
}

// quoteless is an ETag as reports have it.
func quoteless(etag string) string { return strings.Trim(etag, `"`) }
