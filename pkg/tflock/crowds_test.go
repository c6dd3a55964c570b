package tflock_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Many crowded folders of one team become one of its own, also where another team has one too.
func TestCrowdedFoldersOfOneTeamBecomeNoneOfAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		teams := rapid.IntRange(1, 5).Draw(t, "teams with crowded folders")
		var c tflock.Crowds
		paths := rapid.SliceOf(rapid.Custom(func(t *rapid.T) tflock.Path {
			team := rapid.IntRange(1, teams).Draw(t, "team")
			return tflock.Path(fmt.Sprintf("b/teams/t%d/%sx", team, rapid.StringMatching(`([a-c]/){0,4}`).Draw(t, "folder")))
		})).Draw(t, "paths")
		for _, path := range paths {
			c.Add(path)
		}
		for _, path := range paths {
			if _, has := c.Of(path); !has {
				t.Fatalf("%s is in none of %s", path, c.All())
			}
		}
		if len(c.All()) > 5 {
			t.Fatalf("%d folders: %s", len(c.All()), c.All())
		}
		for _, folder := range c.All() {
			if strings.Count(string(folder), "/") < 3 {
				t.Fatalf("%s is one of %s", folder, c.All())
			}
		}
	})
}
