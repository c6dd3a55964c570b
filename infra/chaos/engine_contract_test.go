package main

import (
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend/contract"
)

// The engine in this process keeps what package backend promises of every engine.
func TestEngine(t *testing.T) {
	t.Parallel()
	for _, check := range contract.Tables() {
		t.Run("table: "+check.Name, func(t *testing.T) {
			s, err := contract.NewTable(t.Context(), newEngine(time.Now).config())
			if err == nil {
				err = check.Run(t.Context(), s)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	for _, check := range contract.Buckets() {
		t.Run("bucket: "+check.Name, func(t *testing.T) {
			s, err := contract.NewBucket(t.Context(), newEngine(time.Now).config())
			if err == nil {
				err = check.Run(t.Context(), s)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}
