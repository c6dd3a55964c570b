package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	kindPast = "past"
	// KeepPast is how long a lock stays in the history after its end.
	KeepPast = 40 * 24 * time.Hour
	// maxPast bounds the rows of one scan: whoever can write one key can write 100,000
	// other ones, and the scan has a minute to record their end.
	maxPast = 1000
)

// History is the locks that have ended, for 40 days. The monitor writes it, in the calls
// that forget the locks.
type History struct{ table table }

// NewHistory opens the history in the ledger's table of that name.
func NewHistory(client *dynamodb.Client, name string) *History { return &History{table{client, name}} }

// Past gives the locks that have ended, in the order in which scans saw them first. It
// ends with the first error.
func (h *History) Past(ctx context.Context) iter.Seq2[Past, error] {
	return func(yield func(Past, error) bool) {
		for row, err := range h.table.query(ctx, ofKind(kindPast)) {
			if err != nil {
				yield(Past{}, err)
				return
			}
			p := Past{Path: tflock.Path(textOf(row, attrPath)), ID: textOf(row, attrLockID)}
			if err := json.Unmarshal([]byte(textOf(row, attrBody)), &p); err != nil {
				slog.WarnContext(ctx, "ledger row cannot be read, so it is passed over", "path", p.Path, "error", err)
				continue
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

// Locking is where the clients of a state lock it.
type Locking string

// The ways to lock a state.
const (
	LocksTable    Locking = "table"
	LocksBoth     Locking = "both"
	LocksLockfile Locking = "lockfile"
)

// LockingOf gives the way that these kinds of holdings are, and an empty one for none.
func LockingOf(kinds []tflock.Kind) Locking {
	table, lockfile := slices.Contains(kinds, tflock.DynamoDB), slices.Contains(kinds, tflock.S3)
	switch {
	case table && lockfile:
		return LocksBoth
	case table:
		return LocksTable
	case lockfile:
		return LocksLockfile
	default:
		return ""
	}
}

// Use is a run of locks of one state that were all taken in the same way.
type Use struct {
	Locking Locking
	First   time.Time // end of the scan that first saw the first of them
	Last    time.Time // the same of the last of them
	Locks   int
}

// Locking gives for each path the ways in which it was locked, in order: neighbours
// differ. Only settled locks of the last 40 days count, since a glimpse of one half of a
// lock in one scan proves nothing.
func (h *History) Locking(ctx context.Context) (map[tflock.Path][]Use, error) {
	all := map[tflock.Path][]Use{}
	for p, err := range h.Past(ctx) {
		if err != nil {
			return nil, err
		}
		locking := LockingOf(p.Kinds)
		if !p.Settled || locking == "" {
			continue
		}
		uses := all[p.Path]
		if n := len(uses); n > 0 && uses[n-1].Locking == locking {
			uses[n-1].Last = p.FirstSeen
			uses[n-1].Locks++
			continue
		}
		all[p.Path] = append(uses, Use{locking, p.FirstSeen, p.FirstSeen, 1})
	}
	return all, nil
}

// pastRows bounds what one scan adds to the history.
type pastRows struct {
	written int
	more    Past // those that have no row of their own
}

// request records a lock that has ended, and gives false where there is nothing to write
// now.
func (r *pastRows) request(p *Past) (types.WriteRequest, bool, error) {
	switch {
	case p == nil:
		return types.WriteRequest{}, false, nil
	case r.written >= maxPast:
		r.more.Ended = p.Ended
		r.more.More++
		if !p.StuckAt.IsZero() {
			r.more.MoreStuck++
		}
		return types.WriteRequest{}, false, nil
	}
	r.written++
	// The same lock of the same first scan is the same row, however often it is recorded.
	id := p.FirstSeen.UTC().Format(time.RFC3339) + "#" + textOf(lockRowKey(Key{p.Path, p.ID}), attrID)
	row, err := pastRow(id, *p)
	return types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}, true, err
}

// rest records how many locks have no row of their own. Nearly every scan has none.
func (r *pastRows) rest(ctx context.Context, t table, started time.Time) error {
	if r.more.More == 0 {
		return nil
	}
	row, err := pastRow(started.UTC().Format(time.RFC3339)+"#more", r.more)
	if err != nil {
		return err
	}
	return t.writeBatch(ctx, []types.WriteRequest{{PutRequest: &types.PutRequest{Item: row}}})
}

func pastRow(id string, p Past) (map[string]types.AttributeValue, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("the end of the lock on %s cannot be recorded: %w", p.Path, err)
	}
	row := rowKey(kindPast, id)
	row[attrBody], row[attrExpires] = text(string(body)), number(p.Ended.Add(KeepPast).Unix())
	if p.Path != "" {
		row[attrPath], row[attrLockID] = text(string(p.Path)), text(p.ID)
	}
	return row, nil
}
