package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
)

// promise is one of package contract, with a store of its own.
type promise struct {
	name string
	keep func(ctx context.Context, cfg aws.Config) error
}

// promises are those that an engine is to keep.
func promises(k server.Kind) []promise {
	var all []promise
	add := func(kind string, checks []contract.Check, open func(context.Context, aws.Config) (*contract.Store, error)) {
		for _, check := range checks {
			all = append(all, promise{kind + check.Name, func(ctx context.Context, cfg aws.Config) error {
				store, err := open(ctx, cfg)
				if err != nil {
					return err
				}
				return check.Run(ctx, store)
			}})
		}
	}
	if k.Tables {
		add("table: ", contract.Tables(), contract.NewTable)
		all = append(all, promise{"table: what is not a lock table says so", contract.NoLockTables})
	}
	if k.Buckets {
		add("bucket: ", contract.Buckets(), contract.NewBucket)
		all = append(all, promise{"bucket: one that there is not says so", contract.NoBucket})
	}
	return all
}
