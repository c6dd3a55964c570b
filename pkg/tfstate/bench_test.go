package tfstate_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

func BenchmarkRead100MB(b *testing.B) {
	const size = 100 << 20
	for _, test := range huge {
		b.Run(strings.ReplaceAll(test.name, " ", "_"), func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if got, err := tfstate.Read(test.state(size)); err != nil || got.Condition != test.want {
					b.Fatalf("it is %v, %v", got.Condition, err)
				}
			}
		})
	}
}

func BenchmarkProbe100MB(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if got, err := tfstate.Probe(huge[0].state(100 << 20)); err != nil || got.Condition != tfstate.HasResources {
			b.Fatalf("it is %v, %v", got.Condition, err)
		}
	}
}
