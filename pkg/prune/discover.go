package prune

import "context"

// discovered is the pruner with the stores that patterns match now.
func (p *Pruner) discovered(ctx context.Context) *Pruner {
	now := *p
	now.Stores = p.Stores.Discover(ctx)
	return &now
}
