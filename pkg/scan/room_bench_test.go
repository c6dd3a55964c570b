package scan_test

import (
	"fmt"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/scan"
)

// BenchmarkFlood keeps what a scan can of a million rows under one prefix, and of a hundred others.
func BenchmarkFlood(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		found := scan.Crowd(scan.MaxKept, func(yield func(store, path string) bool) {
			for i := range 1_000_000 {
				path := fmt.Sprintf("b/env:/junk/%08d/terraform.tfstate", i)
				if i%10_000 == 0 {
					path = fmt.Sprintf("b/env:/w%02d/terraform.tfstate", i/10_000)
				}
				if !yield("arn:a", path) {
					return
				}
			}
		})
		if !found.Has("b/env:/w99/terraform.tfstate") {
			b.Fatal(found.Problems())
		}
	}
}
