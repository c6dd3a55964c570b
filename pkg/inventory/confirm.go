package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// confirm looks again at the digests that differed, each state by itself, and those of each prefix
// in turn.
func (r *run) confirm(groups map[tflock.Path][]suspect, first *look, locking map[tflock.Path][]policy.LockingSeen) []policy.StateFinding {
	ctx, cancel := r.times.half()
	defer cancel()
	var mu sync.Mutex
	var found []policy.StateFinding
	pathsOf(slices.Sorted(maps.Keys(groups))).each(func(path tflock.Path) {
		c := &confirmation{run: r, path: path, suspects: groups[path], names: newNamer(r.memory.key)}
		c.seen, c.leftover = locking[path], policy.LockfileAlone(locking[path]) && !r.doubts.lockings[path]
		c.matching = first.matching[groups[path][0].state]
		f, err := c.check(ctx)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			r.doubts.digest(path)
			r.failAt(path, fmt.Errorf("the digest of %s could not be looked at again: %w", plain.Quoted(path), err))
		case f != nil:
			found = append(found, *f)
		}
	})
	return found
}

// confirmation is the second look at the digests of one path.
type confirmation struct {
	*run
	path     tflock.Path
	suspects []suspect
	names    *namer
	leftover bool                 // its clients lock by lockfile alone, so that they read no digest
	seen     []policy.LockingSeen // how they lock; empty where that is not known
	matching bool                 // another table has the right digest
	unread   bool                 // there are older versions, which were not compared with the digest
}

// check returns the finding if the digests still differ, and while nothing has changed and
// nobody holds a lock. Else it notes a doubt: it is neither found nor resolved.
func (c *confirmation) check(ctx context.Context) (*policy.StateFinding, error) {
	if lock, err := c.locked(ctx, c.path); lock == isLocked {
		c.doubts.digest(c.path)
		return nil, err
	}
	still := c.suspects[:0:0]
	doubt, right := false, false
	for _, s := range c.suspects {
		value, err := s.table.Digest(ctx, s.row)
		now := backend.BoundedDigest(value)
		if err != nil {
			return nil, err
		}
		switch {
		case now == s.digest:
			still = append(still, s)
		case now == "": // it was removed, and misleads nobody
		case s.state != nil && bytes.Equal(s.state.Read.MD5, c.memory.key.of("md5", now)):
			right = true
		default:
			doubt = true
		}
	}
	judge := c.mismatch
	if c.suspects[0].state == nil {
		judge = c.orphan
	}
	var f *policy.StateFinding
	var err error
	switch {
	case doubt:
		c.doubts.digest(c.path)
	case len(still) == 0 && right:
		c.column(digestOK)
	case len(still) == 0:
		c.column(digestNone)
	default:
		f, err = judge(ctx, still)
	}
	if f == nil || err != nil {
		return nil, err
	}
	lock, err := c.locked(ctx, c.path)
	switch lock {
	case isLocked:
		c.doubts.digest(c.path)
		return nil, err
	case maybeIsLocked:
		f.Text += ofTables
	case isFree:
	}
	c.column(digestMismatch)
	return f, nil
}

// column fills the column of the state, unless a table has the right digest.
func (c *confirmation) column(value string) {
	if s := c.suspects[0].state; s != nil && !c.matching && (value != digestNone || len(c.tablesFailed) == 0) {
		s.Digest = value
	}
}

// orphan returns the finding if there still is not a state.
func (c *confirmation) orphan(ctx context.Context, still []suspect) (*policy.StateFinding, error) {
	written, err := c.stores.BucketOf(c.path).StateWritten(ctx, c.path)
	if err != nil || !written.IsZero() {
		return nil, err
	}
	f := c.finding(policy.FindingDigestOrphan, still)
	f.Severity = policy.SeverityWarning
	f.Text = fmt.Sprintf("A digest without a state: table %s has a digest of %s, and there is no such state. Every run on that path fails until the digest is removed.", f.Evidence.Table, plain.Quoted(c.path))
	f.Fix = &policy.StateFix{Path: c.path, Action: policy.DeleteDigest}
	return f, nil
}

// mismatch returns the finding if the state still has the bytes of the first look, and the
// digest another MD5.
func (c *confirmation) mismatch(ctx context.Context, still []suspect) (*policy.StateFinding, error) {
	s := c.suspects[0].state
	b := c.stores.BucketOf(c.path)
	known, written, err := c.knownMismatch(ctx, b, still)
	if written {
		c.doubts.digest(c.path)
	}
	if known != nil || written || err != nil {
		return known, err
	}
	body, err := b.ReadState(ctx, c.path, "")
	if _, sealed := errors.AsType[*backend.SealedError](err); sealed || errors.Is(err, backend.ErrGone) {
		c.doubts.digest(c.path)
		return nil, nil //nolint:nilnil // it changed in the meantime
	}
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // nothing is lost with a body that was read
	now, md5, err := c.digest(body, c.names)
	if err != nil {
		return nil, err
	}
	still = slices.DeleteFunc(still, func(s suspect) bool { return s.digest == md5 })
	if len(still) == 0 {
		c.column(digestOK)
		return nil, nil //nolint:nilnil // nothing is wrong
	}
	if !bytes.Equal(now.MD5, s.Read.MD5) { // it was written since, and its digest may be on its way
		c.doubts.digest(c.path)
		return nil, nil //nolint:nilnil // the next run looks at it
	}
	f := c.finding(policy.FindingDigestMismatch, still)
	f.Evidence.StateMD5 = md5
	f.Evidence.CurrentID, f.Evidence.CurrentTime = now.VersionID, &now.Modified
	f.Evidence.CurrentBy = c.writer(ctx, c.path, now.Modified)
	var match *backend.Version
	if !c.leftover { // nobody reads it
		d, err := c.versionOf(ctx, b, f.Evidence.Digest, now)
		if err != nil {
			return nil, err
		}
		if since := c.unreadSince(ctx, d); !since.IsZero() {
			f.Evidence.UnreadSince = &since
		}
		match, f.Evidence.Move = d.match, c.moveOf(d, s)
	}
	if match != nil {
		f.Evidence.VersionID, f.Evidence.VersionTime = match.ID, &match.Modified
		f.Evidence.WrittenBy = c.writer(ctx, c.path, match.Modified)
	}
	c.explain(f, now)
	return f, nil
}

// moveOf reports whether clients have moved to lockfiles. Where a table has the right digest, or one had,
// they may have moved to that table.
func (c *confirmation) moveOf(d digestVersion, s *state) policy.Move {
	if c.matching {
		return ""
	}
	move := d.move(c.Now())
	if move == policy.MovedFromTable && s.lostDigest() {
		return policy.MovedPerhaps
	}
	return move
}

func (c *confirmation) finding(problem policy.Problem, still []suspect) *policy.StateFinding {
	slices.SortStableFunc(still, byTable)
	f := &policy.StateFinding{Type: problem, Path: c.path, Evidence: policy.StateEvidence{Table: still[0].table.ARN(), Digest: still[0].digest}}
	f.Evidence.Rows = otherNames(c.path, still)
	return f
}

// explain returns a mismatch its severity, its text and its repair.
func (c *confirmation) explain(f *policy.StateFinding, now *reading) {
	e := f.Evidence
	f.Text = fmt.Sprintf("The digest of state %s in table %s is not that of its content", plain.Quoted(c.path), e.Table)
	switch {
	case c.leftover:
	case e.VersionTime != nil:
		f.Text += fmt.Sprintf(": the digest is of the version of %s%s; the newest, of %s%s, was not recorded",
			policy.Clock(*e.VersionTime), aside(e.VersionID, e.WrittenBy), policy.Clock(now.Modified), aside(now.VersionID, e.CurrentBy))
	case c.unread:
		f.Text += ": none of the newest versions is the one that the digest belongs to, and the older ones were not read"
	default:
		f.Text += ": no version that the bucket still has is the one that the digest belongs to"
	}
	f.Text += "."
	if now.Contents.Format != "unreadable" {
		f.Fix = &policy.StateFix{Path: c.path, Action: policy.AcceptState}
	}
	switch {
	case c.leftover:
		f.Severity = policy.SeverityInfo
		f.Text += " The locks of this state that were seen last are lockfiles alone, so that its clients read no digest: it is left over."
		f.Fix = &policy.StateFix{Path: c.path, Action: policy.DeleteDigest}
	case c.matching:
		f.Severity = policy.SeverityInfo
		f.Text += " Another table has the right digest, so that only clients of this table fail."
	case e.UnreadSince != nil:
		f.Severity, f.Fix = policy.SeverityInfo, nil
		f.Text += fmt.Sprintf(" A run that took the lock at %s found another state than this digest, and wrote the next one all the same: clients of this state read no digest in this table, so that it is left over. As soon as a scan has seen a lock of it, delete_digest removes it.", policy.Clock(*e.UnreadSince))
	case e.Move != "" && !c.tableSince(now.Modified):
		c.moved(f)
	case len(c.seen) == 0:
		f.Severity = policy.SeverityWarning
		f.Text += " How this state is locked is not known, since no lock of it was seen for long enough." + ifTheyUse
	default:
		f.Severity = policy.SeverityWarning
		f.Text += " Every run whose client reads digests in this table fails after ten seconds, with \"state data in S3 does not have the expected content\", until this is repaired."
	}
}

const (
	fails     = ", with \"state data in S3 does not have the expected content\""
	ifTheyUse = " If its clients use this table, each run fails after ten seconds" + fails + ", until this is repaired. If they lock by lockfile alone, the digest is left over and stops nobody."
)

// moved returns a mismatch after which clients have, or may have, moved to lockfiles its severity and text.
func (c *confirmation) moved(f *policy.StateFinding) {
	f.Severity = policy.SeverityInfo
	switch f.Evidence.Move {
	case policy.MoveUnknown:
		f.Text += " How this state is locked by now is not known: no lock of it was seen since then, and the bucket has no versions that would show how it was written." + ifTheyUse
		return
	case policy.MovedFromTable:
		f.Fix = nil
		f.Text += " What came after the version of the digest was written under a lockfile and not recorded: clients have moved from the table to lockfiles, and the digest is left over. One that still uses the table fails after ten seconds" + fails + ": move it too. As soon as a scan has seen a lock of this state, delete_digest removes the digest."
		return
	case policy.MovedPerhaps:
	}
	f.Text += " What came after the version of the digest was written under a lockfile and not recorded, by a run that came to its end. If clients lock by lockfile alone by now, the digest is left over and stops nobody. If they use this table too, AWS refused the digest, and each run of theirs fails after ten seconds" + fails + ", until this is repaired."
}

// aside says which version it is, and who wrote it, in parentheses.
func aside(version, session string) string {
	switch {
	case version == "" && session == "":
		return ""
	case session == "":
		return " (" + version + ")"
	case version == "":
		return " (by " + session + ")"
	}
	return " (" + version + ", by " + session + ")"
}
