package statelock

import (
	"context"

	"github.com/lockwarden/lockwarden/pkg/backend"
)

// Unsafe says why no lock of a state in that bucket can be taken and released without harm,
// or is empty: a store beside AWS does not honor conditional requests, or whether it does is
// not known. A lock is taken in every table too.
func Unsafe(ctx context.Context, tables []*backend.Table, b *backend.Bucket) string {
	if why := b.Conditions(ctx).UnsafePrune(); why != "" {
		return why
	}
	for _, t := range tables {
		if why := t.Conditions(ctx).UnsafePrune(); why != "" {
			return why
		}
	}
	return ""
}
