package inprocess_test

import (
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
)

// It keeps what package backend promises of every engine.
func TestItKeepsTheContract(t *testing.T) {
	t.Parallel()
	for _, check := range contract.Tables() {
		t.Run("table: "+check.Name, func(t *testing.T) {
			s, err := contract.NewTable(t.Context(), inprocess.New(time.Now, 0).Config())
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
			s, err := contract.NewBucket(t.Context(), inprocess.New(time.Now, 0).Config())
			if err == nil {
				err = check.Run(t.Context(), s)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}
