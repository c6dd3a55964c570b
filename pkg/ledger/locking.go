package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	// maxUses bounds the uses of one path. Of more the last ones are kept.
	maxUses = 100
	// maxGlimpses bounds those of one path that come one after the other.
	maxGlimpses = 2
	// maxResolved bounds the paths whose glimpses the witness is asked about, and maxEvents the
	// events of one path that are read for it.
	maxResolved = 500
	maxEvents   = 2000
	// maxEventBytes bounds those of all paths, of which askedAtOnce are read at once: an event of clients has half a kilobyte, one whose
	// path and holder are as long as can be has seven, and whoever makes as many of each path as are read would take all of an inventory's time.
	maxEventBytes = 256 << 20
	askedAtOnce   = 8
	// beforeRow is longer before a row than a client creates its lock object.
	beforeRow = 10 * time.Minute
)

// use is how a path was locked for a while, or a glimpse: a row that only one scan saw, so that
// it is not known whether a lock object was beside it.
type use struct {
	policy.LockingSeen
	glimpse string    // the lock's ID
	since   time.Time // it was taken no earlier
}

// Locking returns for each wanted path the ways in which it was locked, in order: neighbours
// differ. Settled locks of the last 40 days count, and rows that one scan alone saw where the
// witness knows whether they had an object. Ask for paths that are known to be states: anybody who
// may write one key can take locks under as many names as they like. Left are the paths with rows of which the witness could not be asked:
// they are too many.
func (h *History) Locking(ctx context.Context, wanted func(tflock.Path) bool) (ways map[tflock.Path][]policy.LockingSeen, left []tflock.Path, err error) {
	seen := map[tflock.Path][]use{}
	for p, err := range h.Past(ctx) {
		if err != nil {
			return nil, nil, err
		}
		if wanted(p.Path) {
			if u, ok := useOf(p); ok {
				seen[p.Path] = add(seen[p.Path], u)
			}
		}
	}
	if left, err = h.settleAll(ctx, seen); err != nil {
		return nil, nil, err
	}
	ways = map[tflock.Path][]policy.LockingSeen{}
	for path, uses := range seen {
		if known := known(uses); len(known) > 0 {
			ways[path] = known
		}
	}
	return ways, left, nil
}

func useOf(p Past) (use, bool) {
	u := use{LockingSeen: policy.LockingSeen{Locking: policy.LockingOf(p.Kinds), First: p.FirstSeen.UTC(), Last: p.FirstSeen.UTC(), Locks: 1}}
	switch {
	case u.Locking == "" || p.Path == "":
		return use{}, false
	case p.Settled, u.Locking == policy.ByBoth: // it has no third place
		return u, true
	case u.Locking != policy.ByTable || p.ID == "":
		return use{}, false
	}
	u.Locking, u.glimpse, u.since = "", p.ID, p.HeldSince
	return u, true
}

// add adds what came next.
func add(uses []use, next use) []use {
	n := len(uses)
	switch {
	case n > 0 && next.glimpse == "" && uses[n-1].glimpse == "" && uses[n-1].Locking == next.Locking:
		uses[n-1].Last = next.Last
		uses[n-1].Locks += next.Locks
		return uses
	case next.glimpse != "" && n >= maxGlimpses && !slices.ContainsFunc(uses[n-maxGlimpses:], func(u use) bool { return u.glimpse == "" }):
		uses[n-1] = next
		return uses
	case n == maxUses:
		uses = slices.Delete(uses, 0, 1)
	}
	return append(uses, next)
}

// toAsk are the paths of which a glimpse matters: those that were seen to lock in the bucket too.
// Each folder of states comes in turn.
func toAsk(seen map[tflock.Path][]use) []tflock.Path {
	var paths []tflock.Path
	for path, uses := range seen {
		inBucket := slices.ContainsFunc(uses, func(u use) bool { return u.Locking == policy.ByLockfile || u.Locking == policy.ByBoth })
		if inBucket && slices.ContainsFunc(uses, func(u use) bool { return u.glimpse != "" }) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return tflock.InTurns(paths, func(p tflock.Path) tflock.Path { return p })
}

// known are the uses without the glimpses that stayed such.
func known(uses []use) []policy.LockingSeen {
	var settled []use
	for _, u := range uses {
		if u.Locking != "" {
			u.glimpse = ""
			settled = add(settled, u)
		}
	}
	all := make([]policy.LockingSeen, len(settled))
	for i, u := range settled {
		all[i] = u.LockingSeen
	}
	return all
}

// settleAll settles the glimpses of the paths of which they matter, those of each folder in turn. Where these or their events are too many, it
// returns the paths that are left.
func (h *History) settleAll(ctx context.Context, seen map[tflock.Path][]use) (left []tflock.Path, err error) {
	left = toAsk(seen)
	var bytes atomic.Int64
	for asked := 0; len(left) > 0 && asked < maxResolved && bytes.Load() < maxEventBytes; {
		some := left[:min(len(left), askedAtOnce)]
		left, asked = left[len(some):], asked+len(some)
		group, ctx := errgroup.WithContext(ctx)
		for _, path := range some {
			group.Go(func() error {
				read, err := h.settle(ctx, path, seen[path])
				bytes.Add(int64(read))
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// settle says of the glimpses of a path, as far as the witness knows, how the locks were taken.
// A client that takes both halves creates its object before its row. So a row whose lock no
// object had was taken in the table alone, where the witness saw this path before and after it. It returns how many bytes of events it read.
func (h *History) settle(ctx context.Context, path tflock.Path, uses []use) (read int, err error) {
	earliest := time.Time{}
	for _, u := range uses {
		if u.glimpse != "" && (earliest.IsZero() || u.since.Before(earliest)) {
			earliest = u.since
		}
	}
	created, read, err := h.created(ctx, path, earliest.Add(-beforeRow))
	if err != nil {
		return read, err
	}
	for i, u := range uses {
		if u.glimpse != "" {
			uses[i].Locking = u.settledBy(created)
		}
	}
	return read, nil
}

// settledBy returns the way in which a lock was taken that was seen as a row; empty where the
// creations of lock objects do not say.
func (u use) settledBy(created []ObjectEvent) policy.Locking {
	from, to := u.since.Add(-beforeRow), u.First.Add(policy.ClockTolerance)
	before, after, unknown := false, false, false
	for _, e := range created {
		switch {
		case e.LockID == u.glimpse:
			return policy.ByBoth
		case e.At.Before(from):
			before = true
		case e.At.After(to):
			after = true
		case e.LockID == "": // it may have been this lock's
			unknown = true
		}
	}
	if !before || !after || unknown {
		return ""
	}
	return policy.ByTable
}

// created are the creations of the lock objects of a path, the latest first: all of them back to
// that time and one before it, unless they are too many. It returns also how many bytes of them it read.
func (h *History) created(ctx context.Context, path tflock.Path, back time.Time) (all []ObjectEvent, read int, err error) {
	rows := 0
	for pages := h.table.latestEvents(path, 200); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, read, fmt.Errorf("read the events of a lock in the ledger %s: %w", h.table.name, err)
		}
		for _, row := range page.Items {
			read += len(textOf(row, attrBody)) + len(textOf(row, attrPath))
		}
		if rows += len(page.Items); rows > maxEvents {
			return nil, read, nil // what came before is not known
		}
		events, whole := creations(page.Items)
		if !whole {
			return nil, read, nil // what happened then is not known
		}
		if all = append(all, events...); len(all) > 0 && all[len(all)-1].At.Before(back) {
			break
		}
	}
	return all, read, nil
}

// creations decodes those among the rows of events, and reports whether all of them could be read.
func creations(rows []map[string]types.AttributeValue) (events []ObjectEvent, whole bool) {
	for _, row := range rows {
		if !strings.HasSuffix(textOf(row, attrID), createdMark) {
			continue
		}
		var e ObjectEvent
		if json.Unmarshal([]byte(textOf(row, attrBody)), &e) != nil {
			return nil, false
		}
		events = append(events, e)
	}
	return events, true
}
