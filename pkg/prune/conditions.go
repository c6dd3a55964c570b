package prune

import (
	"context"
	"errors"
	"sync"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/probe"
	"github.com/lockwarden/lockwarden/pkg/statelock"
)

// conditions keeps states in stores that do not honour conditional requests, or of which that
// is not known: no lock could be taken and released there without harm. In AWS itself it asks
// nothing.
type conditions struct {
	tables []*backend.Table
	tally  *tally
	noted  sync.Map // why, of what is among the report's errors already
}

// unsafe says why nothing may be deleted in a bucket, or is empty. A lock is taken in every
// watched table too.
func (c *conditions) unsafe(ctx context.Context, b *backend.Bucket) string {
	why := statelock.Unsafe(ctx, c.tables, b, probe.Report.UnsafePrune)
	if why == "" {
		return ""
	}
	if _, known := c.noted.LoadOrStore(why, true); !known {
		c.tally.fail("", errors.New("nothing is deleted there: "+why))
	}
	return "no lock can be taken on it safely: " + why
}
