package inventory

import (
	"bytes"
	"hash/fnv"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// A client that locks in a table writes the digest of each version there, and one that locks in the
// bucket leaves a version of its lock object and a delete marker around each version. So a
// versioned bucket shows how clients lock whose locks no scan met.

// write is a version of a state, with the keyed hash of its MD5 where it was read.
type write struct {
	policy.StateWrite
	md5 []byte
}

// writesOf are the versions among these, the newest first, and the one before them, with what
// the versions of the lock object say of them. The result has the oldest first.
func writesOf(versions, locks []backend.Version, before *reading) []write {
	objects := lockObjects(locks)
	all := []write{{StateWrite: objects.Write(before.VersionID, before.Modified.Truncate(time.Second), false)}}
	for i, v := range slices.Backward(versions) {
		if v.Marker || v.ID == before.VersionID {
			continue
		}
		w := objects.Write(v.ID, v.Modified.Truncate(time.Second), false)
		if v.ID == unversioned || (i+1 < len(versions) && versions[i+1].Marker) {
			w.Lockfile = 0 // lock objects left no versions either; a restore of what was deleted
		}
		all = append(all, write{StateWrite: w})
	}
	return slices.Clone(all[max(0, len(all)-maxCome):])
}

// maxCome bounds the versions of one state whose digests are looked for.
const maxCome = 16

// unversioned is the ID of a version that was written without versioning.
const unversioned = "null"

// lockObjects is the history of a lock object from its versions and markers, the newest first. One
// is created only where there is none, so that those of one second take turns.
func lockObjects(entries []backend.Version) policy.LockObjects {
	var versions, markers []backend.Version
	for _, v := range slices.Backward(entries) {
		if v.Marker {
			markers = append(markers, v)
		} else {
			versions = append(versions, v)
		}
	}
	var l policy.LockObjects
	there := false
	for len(versions)+len(markers) > 0 {
		var next backend.Version
		if marks(versions, markers, there) {
			next, markers = markers[0], markers[1:]
		} else {
			next, versions = versions[0], versions[1:]
		}
		l.Next(next.Modified.Truncate(time.Second), !next.Marker, there)
		if there = !next.Marker; next.ID == unversioned { // what was without versioning left no others
			l.Since = next.Modified.Truncate(time.Second)
		}
	}
	return l
}

// marks reports whether the next entry is a marker, the oldest first.
func marks(versions, markers []backend.Version, there bool) bool {
	if len(versions) == 0 || len(markers) == 0 {
		return len(versions) == 0
	}
	v, m := versions[0].Modified.Truncate(time.Second), markers[0].Modified.Truncate(time.Second)
	return m.Before(v) || (m.Equal(v) && there)
}

// sum notes the MD5 of a version that was read.
func (c *comparison) sum(read *reading) {
	for i := range c.writes {
		if c.writes[i].VersionID == read.VersionID {
			c.writes[i].md5 = read.MD5
		}
	}
}

// remember keeps in mind what the new versions of states show of how their clients lock, now that
// it is known which of them the tables have the digest of.
func (r *run) remember(locking map[tflock.Path][]policy.LockingSeen) {
	digests := map[*state][]string{}
	for _, s := range r.suspects.items() {
		if s.state != nil {
			digests[s.state] = append(digests[s.state], s.digest)
		}
	}
	since := r.started.Add(-ledger.KeepPast).Truncate(time.Second)
	for path, s := range r.memory.states {
		if r.includes(path) && s.current() {
			if writes, changed := r.recorded(s, digests[s]); changed || len(s.Writes) > 0 {
				r.grow(s, func() { s.Writes, s.newVersions = policy.RememberWrites(s.Writes, writes, since), nil })
			}
			if !r.historyFailed {
				s.lockedSince(locking[path])
			}
		}
	}
}

// lockedSince fills the column with how the latest version was written, where that is later than
// the last lock that a scan saw.
func (s *state) lockedSince(seen []policy.LockingSeen) {
	versions := versionsOf(s.Writes)
	if n := len(versions); n > 0 && (len(seen) == 0 || versions[n-1].LastModified.After(seen[len(seen)-1].Last)) {
		s.Locking = versions[n-1].Locking
	}
}

// recorded returns the versions of a state that are new, or whose digest was not known, as the
// digests show them now. It is false where there are none.
func (r *run) recorded(s *state, digests []string) ([]policy.StateWrite, bool) {
	newVersions := s.newVersions
	if n := len(s.Writes); len(newVersions) == 0 && n > 0 && s.Writes[n-1].Digest == 0 && s.Writes[n-1].VersionID == s.Read.VersionID {
		newVersions = []write{{s.Writes[n-1], s.Read.MD5}}
	}
	if len(newVersions) == 0 {
		return nil, false
	}
	writes := make([]policy.StateWrite, len(newVersions))
	for i, w := range newVersions {
		writes[i] = w.StateWrite
	}
	last := len(writes) - 1
	switch s.Digest {
	case digestOK:
		policy.Recorded(writes, last)
	case digestMismatch:
		if place := r.placeOf(newVersions, digests); place >= 0 {
			policy.Recorded(writes, place)
		} else {
			policy.Recorded(writes[1+lastUnread(newVersions):], -1) // the digest may be of one that was not read
		}
		if s.lostDigest() {
			unproven(writes)
		}
	case digestNone:
		if r.Now().Sub(writes[last].At) > time.Minute { // else it may be on its way
			writes[last].Digest = policy.Unproven
		}
	}
	return writes, true
}

// maxTables bounds the tables that are remembered of one state.
const maxTables = 8

// notedIn takes note that a table has a digest of a state.
func (s *state) notedIn(arn string) {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(arn)) // it cannot fail
	table := sum.Sum32()
	if len(s.digestTables) <= maxTables && !slices.Contains(s.digestTables, table) {
		s.digestTables = append(s.digestTables, table)
	}
	if len(s.Tables) < maxTables && !slices.Contains(s.Tables, table) {
		s.Tables = append(s.Tables, table)
	}
}

// lostDigest reports whether a table that had a digest of a state does not have one any more: clients
// may still write it there, and somebody deleted it after the last write.
func (s *state) lostDigest() bool {
	return len(s.digestTables) > maxTables || slices.ContainsFunc(s.Tables, func(table uint32) bool { return !slices.Contains(s.digestTables, table) })
}

// unproven has the digests that no table has prove nothing.
func unproven(writes []policy.StateWrite) {
	for i := range writes {
		if writes[i].Digest == policy.Absent {
			writes[i].Digest = policy.Unproven
		}
	}
}

// placeOf is the place of the latest version whose MD5 one of the digests is; -1: none.
func (r *run) placeOf(writes []write, digests []string) int {
	for i, w := range slices.Backward(writes) {
		if slices.ContainsFunc(digests, func(d string) bool { return w.md5 != nil && bytes.Equal(w.md5, r.memory.key.of("md5", d)) }) {
			return i
		}
	}
	return -1
}

// lastUnread is the place of the latest version that was not read; -1: none.
func lastUnread(writes []write) int {
	for i, w := range slices.Backward(writes) {
		if w.md5 == nil {
			return i
		}
	}
	return -1
}
