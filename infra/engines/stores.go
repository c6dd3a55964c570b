package main

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
	"github.com/lockwarden/lockwarden/pkg/probe"
)

// promise is one of package contract, with a store of its own.
type promise struct {
	name string
	keep func(ctx context.Context, cfg aws.Config) error
}

// probed gives what a probe says of the buckets of an engine, in one text. It is asked once,
// and only if it is wanted.
func probed(ctx context.Context, cfg aws.Config) func() string {
	return sync.OnceValue(func() string {
		store, err := contract.NewBucket(ctx, cfg)
		if err != nil {
			return err.Error()
		}
		client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		return strings.Join(probe.Bucket(ctx, client, store.Name).Words(), " ")
	})
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
