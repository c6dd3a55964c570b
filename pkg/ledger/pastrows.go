package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Whoever can write one key can write any number of others, and take and drop a lock on each
// of them all day. The weekly report and the inventory read 40 days of it.
const (
	// maxPast bounds the rows of one scan, which has a minute to record the end of its locks.
	maxPast = 1000
	// maxPastDay bounds the rows of a day (UTC), in bytes: some 20,000 of the locks of clients.
	maxPastDay = 8 << 20
	// sharesOfAll is into how many equal parts a room is divided: one top-level prefix may take one.
	sharesOfAll = 2
	// maxPrefixes bounds the prefixes that are counted each; the others share one count.
	maxPrefixes = 100
	// rowWeight is what a row takes beside its texts.
	rowWeight = 200
)

// attrPast is the attribute of the scan's row with what was added to the history that day.
const attrPast = "past"

// pastDay is what was added to the history on one day.
type pastDay struct {
	Day   string         `json:"day"`   // YYYY-MM-DD, UTC
	Bytes map[string]int `json:"bytes"` // by the hash of the prefix
	All   int            `json:"all"`   // bytes
}

// pastRows bounds what one scan adds to the history.
type pastRows struct {
	day     pastDay
	written int            // rows of this scan
	under   map[string]int // the same by the hash of the prefix
	more    Past           // those that have no row of their own
}

// newPastRows begins with what earlier scans of the day added. What cannot be read counts as
// nothing: the next scans count again.
func newPastRows(ctx context.Context, scan map[string]types.AttributeValue, now time.Time) pastRows {
	r := pastRows{under: map[string]int{}}
	if body := textOf(scan, attrPast); body != "" {
		if err := json.Unmarshal([]byte(body), &r.day); err != nil {
			slog.WarnContext(ctx, "ledger row cannot be read, so what was added to the history today counts as nothing", attrKind, kindScan, "error", err)
		}
	}
	if today := now.UTC().Format(time.DateOnly); r.day.Day != today || r.day.Bytes == nil {
		r.day = pastDay{Day: today, Bytes: map[string]int{}}
	}
	return r
}

// request records a lock that has ended, and returns false where there is nothing to write
// now.
func (r *pastRows) request(p *Past) (types.WriteRequest, bool, error) {
	if p == nil {
		return types.WriteRequest{}, false, nil
	}
	// The same lock of the same first scan is the same row, however often it is recorded.
	id := p.FirstSeen.UTC().Format(time.RFC3339) + "#" + textOf(lockRowKey(Key{p.Path, p.ID}), attrID)
	row, weight, err := pastRow(id, *p)
	if err != nil {
		return types.WriteRequest{}, true, err
	}
	if !r.reserve(p.Path, weight) {
		r.more.Ended = p.Ended
		r.more.More++
		if !p.StuckAt.IsZero() {
			r.more.MoreStuck++
		}
		return types.WriteRequest{}, false, nil
	}
	return types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}, true, nil
}

// reserve takes room for a row, and reports whether there was some.
func (r *pastRows) reserve(path tflock.Path, weight int) bool {
	sum := sha256.Sum256([]byte(path.Prefix()))
	prefix := hex.EncodeToString(sum[:8])
	if _, counted := r.day.Bytes[prefix]; !counted && len(r.day.Bytes) >= maxPrefixes {
		prefix = "others"
	}
	if r.written >= maxPast || r.under[prefix] >= maxPast/sharesOfAll || r.day.All+weight > maxPastDay || r.day.Bytes[prefix]+weight > maxPastDay/sharesOfAll {
		return false
	}
	r.written++
	r.under[prefix]++
	r.day.All += weight
	r.day.Bytes[prefix] += weight
	return true
}

// record is the attribute with what was added today.
func (r *pastRows) record() (types.AttributeValue, error) {
	body, err := json.Marshal(r.day)
	if err != nil {
		return nil, fmt.Errorf("record what was added to the history: %w", err)
	}
	return text(string(body)), nil
}

// rest records how many locks have no row of their own. Nearly every scan has none.
func (r *pastRows) rest(ctx context.Context, t table, started time.Time) error {
	if r.more.More == 0 {
		return nil
	}
	row, _, err := pastRow(started.UTC().Format(time.RFC3339)+"#more", r.more)
	if err != nil {
		return err
	}
	return t.writeBatch(ctx, []types.WriteRequest{{PutRequest: &types.PutRequest{Item: row}}})
}

// pastRow is the row of a lock that has ended, and its size in bytes.
func pastRow(id string, p Past) (row map[string]types.AttributeValue, weight int, err error) {
	body, err := json.Marshal(p)
	if err != nil {
		return nil, 0, fmt.Errorf("the end of the lock on %s cannot be recorded: %w", p.Path, err)
	}
	row = rowKey(kindPast, id)
	row[attrBody], row[attrExpires] = text(string(body)), number(p.Ended.Add(KeepPast).Unix())
	if p.Path != "" {
		row[attrPath], row[attrLockID] = text(string(p.Path)), text(p.ID)
	}
	return row, rowWeight + len(body) + len(p.Path) + len(p.ID), nil
}
