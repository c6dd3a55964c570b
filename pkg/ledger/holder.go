package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Hold is a lock object that was there at some time.
type Hold struct {
	By    string    // the session, or else the principal, that took it; empty where that is not known
	Since time.Time // when it was taken, by S3's clock
}

// maxHolderEvents bounds the events of a lock that are read, the latest first (some 1 MB): a busy
// state has as many in 35 days, and whoever may write a prefix can make any number.
const maxHolderEvents = 3000

// Holder returns the lock object that was there when a state was written, by S3's time in whole
// seconds. Its holder need not have written the state: others may write without a lock. It is
// empty where no event says so: the lock was in a table alone, or nobody held one, or it came
// in the second of the write, more than 35 days have passed, or more events came since than are
// read.
func (w *Witnesses) Holder(ctx context.Context, path tflock.Path, written time.Time) (Hold, error) {
	pages := w.latestEvents(path, maxHolderEvents)
	second := written.Truncate(time.Second)
	for left := maxHolderEvents; pages.HasMorePages() && left > 0; {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return Hold{}, fmt.Errorf("read the events of a lock in the ledger %s: %w", w.name, err)
		}
		for _, row := range page.Items[:min(len(page.Items), left)] {
			left--
			var e ObjectEvent
			if json.Unmarshal([]byte(textOf(row, attrBody)), &e) != nil {
				return Hold{}, nil // what happened is not known
			}
			removed := strings.HasSuffix(textOf(row, attrID), removedMark)
			switch {
			case !e.At.Before(second.Add(time.Second)): // later than the write
			case removed && !e.At.Before(second): // in the same second: behind the write
			case removed, !e.At.Before(second): // in the same second the next holder may have come
				return Hold{}, nil
			default:
				return Hold{cmp.Or(e.Session, e.Principal), e.At}, nil
			}
		}
	}
	return Hold{}, nil
}
