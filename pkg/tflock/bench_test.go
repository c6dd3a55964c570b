package tflock_test

import (
	"fmt"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func BenchmarkParseInfo(b *testing.B) {
	raw := []byte(realInfo)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tflock.ParseInfo(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseReference(b *testing.B) {
	b.SetBytes(int64(len(pasted)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tflock.ParseReference(pasted); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMerge1000(b *testing.B) {
	all := make([]tflock.Holding, 0, 1000)
	for i := range 500 {
		path, id := fmt.Sprintf("b/%d", i*7919%500), fmt.Sprint(i)
		all = append(all, row(path, id), object(path, id))
	}
	holdings := make([]tflock.Holding, len(all))
	b.ReportAllocs()
	for b.Loop() {
		copy(holdings, all) // Merge sorts in place
		if locks := tflock.Merge(holdings); len(locks) != 500 {
			b.Fatal(len(locks))
		}
	}
}
