package unlock_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// The unlock function reads whole tables before it releases automatically, which takes a minute and more where a
// team has filled one. What happens meanwhile counts: people read that the lock stays.
func TestWhatHappensWhileTablesAreReadStopsTheRelease(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(p *pipeline){
		"somebody pressed Keep": func(p *pipeline) { p.keep("env/x") },
		"its object got the tag": func(p *pipeline) {
			p.tag("env/x", map[string]string{"run": "gh-1-1", policy.KeepTag: ""})
		},
		"its state was written":  func(p *pipeline) { p.state("env/x") },
		"its run goes on":        func(p *pipeline) { p.lives("1") },
		"a half of another lock": func(p *pipeline) { p.unlockRow("env/x"); p.Lock("env/x", "another", plainSet(p).Tables[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t, policy.AutoRelease)
			p.take("env/x", "1")
			p.ends("1", minute)
			p.scans(12 * minute)
			plain, invoked, changed := p.Set, false, false
			cfg := server.ConfigOver(&local.Wire{Before: func(call string) {
				if !invoked || changed || !strings.HasSuffix(call, ".Scan") {
					return
				}
				changed = true
				over := p.Set
				p.Set = plain
				change(p)
				p.Set = over
			}})
			set, err := backend.Open(cfg, []string{p.TableARN}, []string{p.BucketARN})
			if err != nil {
				t.Fatal(err)
			}
			p.before = func() { invoked = true }
			p.Set = set
			p.scans(17 * minute)
			p.Set = plain
			if got := p.held(); !changed || len(got) == 0 || !slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, idOf("env/x")) }) {
				t.Errorf("changed: %v; held %q: %q", changed, got, p.outcomes)
			}
		})
	}
}

func plainSet(p *pipeline) backend.Set {
	set, err := backend.Open(server.Config(), []string{p.TableARN}, []string{p.BucketARN})
	if err != nil {
		p.Fatal(err)
	}
	return set
}
