package statelock

import (
	"context"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/probe"
)

// Unsafe says why no lock of a state in that bucket can be taken and released without harm,
// or is empty: a store outside of AWS does not honour conditional requests, or whether it does is
// not known. A lock is taken in every table too. The last argument is what is to be done there:
// probe.Report.UnsafePrune or UnsafeRepair.
func Unsafe(ctx context.Context, tables []*backend.Table, b *backend.Bucket, unsafe func(probe.Report) string) string {
	if why := unsafe(b.Conditions(ctx)); why != "" {
		return why
	}
	for _, t := range tables {
		if why := unsafe(t.Conditions(ctx)); why != "" {
			return why
		}
	}
	return ""
}
