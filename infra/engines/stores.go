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

// probed returns what a probe says of the buckets of an engine, in one text. It is asked once,
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
func promises(k server.Kind) (all []contract.Check) {
	if k.Tables {
		all = append(all, contract.Tables()...)
	}
	if k.Buckets {
		all = append(all, contract.Buckets()...)
	}
	return all
}
