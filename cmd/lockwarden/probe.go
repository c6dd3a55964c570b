package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/probe"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

type probeCommand struct {
	Bucket string `arg:"" optional:"" help:"Name of the state bucket."`
	Table  string `help:"Name or ARN of a lock table, beside the bucket or in its place." placeholder:"TABLE"`
}

// Run probes with the caller's own permissions: no stack need exist yet.
func (c probeCommand) Run(ctx context.Context, s *session) error {
	if c.Bucket == "" && c.Table == "" {
		return errors.New("name a bucket, or a table with --table")
	}
	if err := s.configure(ctx); err != nil {
		return err
	}
	defer s.progress("the store")()
	var reports []probe.Report
	if c.Bucket != "" {
		cfg, err := wiring.For(s.config, s3.ServiceID)
		if err != nil {
			return err
		}
		reports = append(reports, probe.Bucket(ctx, s3.NewFromConfig(cfg, storeOptions), c.Bucket))
	}
	if c.Table != "" {
		cfg, err := wiring.For(s.config, dynamodb.ServiceID)
		if err != nil {
			return err
		}
		reports = append(reports, probe.Table(ctx, dynamodb.NewFromConfig(cfg), c.Table))
	}
	if s.JSON {
		raw, err := json.Marshal(reports)
		if err == nil {
			err = s.printJSON(raw)
		}
		if err != nil {
			return err
		}
	} else {
		s.showProbes(reports)
	}
	return probed(reports)
}

// storeOptions are those of the functions: where an endpoint is set, buckets have no host
// name of their own.
func storeOptions(o *s3.Options) {
	o.UsePathStyle = o.BaseEndpoint != nil
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
}

func (s *session) showProbes(reports []probe.Report) {
	for _, r := range reports {
		s.say("%s", line(r.Store))
		for _, words := range r.Words() {
			s.say("  - %s", line(words))
		}
	}
	s.say("%s", probe.Limits())
}

// probed returns the exit code: what does not hold comes before what is not known.
func probed(reports []probe.Report) error {
	code := 0
	for _, r := range reports {
		switch {
		case r.Fails():
			return outcomeError{exitRefused}
		case !r.Known():
			code = exitPartial
		}
	}
	if code == 0 {
		return nil
	}
	return outcomeError{code}
}
