package unlock

import "context"

// discovered is the unlocker with the stores that patterns match now.
func (u *Unlocker) discovered(ctx context.Context) *Unlocker {
	now := *u
	now.Stores = u.Stores.Discover(ctx)
	return &now
}
