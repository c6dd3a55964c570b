package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// repairing is a repair of the state of its key. The version that it restores is the
// newest but that many, as it was when somebody first asked.
type repairing struct {
	action  policy.RepairAction
	back    int
	version string
}

func (r *repairing) run(p *process, cfg aws.Config) error {
	m, ctx := p.model, context.Background()
	if r.action == policy.RestoreVersion && r.version == "" {
		all, _, err := m.versions(ctx, m.config(), p.key)
		if err != nil {
			return err
		}
		r.version = all[min(r.back, len(all)-1)]
	}
	_, err := repairs(ctx, m.world, cfg, m.Path(p.key), r.action, r.version, fmt.Sprint("repair ", p.number))
	return err
}
