package alert_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/alert"
)

func TestPrefixOf(t *testing.T) {
	for path, want := range map[string]string{
		"states/network/production/terraform.tfstate": "states/network",
		"states/terraform.tfstate":                    "states",
		"states/env:/blue/app.tfstate":                "states/env:",
		"states//app.tfstate":                         "states/",
		"deploy-lock":                                 "deploy-lock",
		"":                                            "",
	} {
		if got := alert.PrefixOf(path); got != want {
			t.Errorf("PrefixOf(%q) = %q, want %q", path, got, want)
		}
	}
}

// The one lock of production comes last, after 300 fakes of one prefix, and is listed.
func TestAFloodHidesNoPrefix(t *testing.T) {
	s := alert.NewSelection[string](20)
	for i := range 300 {
		path := fmt.Sprintf("states/sandbox/%d/terraform.tfstate", i)
		s.Add(path, path)
	}
	s.Add("states/production/terraform.tfstate", "production")
	if items := s.Items(); len(items) != 20 || !slices.Contains(items, "production") || s.Omitted() != 281 {
		t.Errorf("%d items, %d omitted: %q", len(items), s.Omitted(), items)
	}
	if got := fmt.Sprint(s.Prefixes()); got != "[{states/sandbox 300} {states/production 1}]" {
		t.Error(got)
	}
}

// So does one that shares the first part of its key with the fakes, as workspaces do.
func TestAFloodHidesNoFolder(t *testing.T) {
	s := alert.NewSelection[string](1000)
	for i := range 5000 {
		path := fmt.Sprintf("states/env:/sandbox/%d/terraform.tfstate", i)
		s.Add(path, path)
	}
	s.Add("states/env:/production/terraform.tfstate", "production")
	items := s.Items()
	if len(items) != 1000 || !slices.Contains(items[:3], "production") || s.Omitted() != 4001 {
		t.Errorf("%d items, %d omitted: %q", len(items), s.Omitted(), items[:3])
	}
}

// Whatever is added: nothing is listed twice, every lock is listed or counted as omitted,
// every prefix among the first twenty is listed, and the counts add up.
func TestASelectionLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(20, 40).Draw(t, "limit")
		s := alert.NewSelection[int](limit)
		var paths []string
		for i := range rapid.IntRange(0, 200).Draw(t, "locks") {
			path := fmt.Sprintf("b/p%d/%d", rapid.IntRange(0, 60).Draw(t, "prefix"), i)
			paths = append(paths, path)
			s.Add(path, i)
		}
		items := s.Items()
		if len(items) > limit || len(items)+s.Omitted() != len(paths) || (s.Omitted() > 0 && len(items) < limit) {
			t.Fatalf("%d items and %d omitted of %d", len(items), s.Omitted(), len(paths))
		}
		listed := map[string]bool{}
		for _, i := range items {
			listed[alert.PrefixOf(paths[i])] = true
		}
		if sorted := slices.Sorted(slices.Values(items)); len(slices.Compact(sorted)) != len(items) {
			t.Fatalf("an item is listed twice: %v", items)
		}
		sum := 0
		for i, p := range s.Prefixes() {
			sum += p.Locks
			if i < 20 && !listed[p.Prefix] {
				t.Fatalf("prefix %s is not listed", p.Prefix)
			}
		}
		if sum != len(paths) {
			t.Fatalf("the counts add up to %d of %d", sum, len(paths))
		}
	})
}

// An attacker who invents prefixes costs no memory.
func TestInventedPrefixesAreCountedTogether(t *testing.T) {
	s := alert.NewSelection[int](20)
	for i := range 5000 {
		s.Add(fmt.Sprintf("b/%d/x", i), i)
	}
	if len(s.Prefixes()) != 1000 || s.Omitted() != 4980 || len(s.Items()) != 20 {
		t.Errorf("%d prefixes, %d omitted, %d items", len(s.Prefixes()), s.Omitted(), len(s.Items()))
	}
}
