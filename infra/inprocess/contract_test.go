package inprocess_test

import (
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
)

// It keeps what package backend promises of every engine, but that its bucket answers to any name.
func TestItKeepsTheContract(t *testing.T) {
	t.Parallel()
	for _, check := range append(contract.Tables(), contract.Buckets()...) {
		t.Run(check.Name, func(t *testing.T) {
			err := check.Run(t.Context(), inprocess.New(time.Now, 0).Config())
			if anyName := check.Name == "bucket: one that there is not says so"; (err != nil) != anyName {
				t.Error(err)
			}
		})
	}
}
