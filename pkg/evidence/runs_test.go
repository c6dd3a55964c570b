package evidence_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/pkg/evidence"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/run"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// ci knows the run of every lock, and remembers in which order it was asked.
type ci struct{ asked []string }

func (c *ci) Ask(_ context.Context, locks []run.Named) []*policy.Run {
	answers := make([]*policy.Run, len(locks))
	for i, l := range locks {
		c.asked = append(c.asked, l.Session)
		answers[i] = &policy.Run{ID: l.Session}
	}
	return answers
}

// tags is a bucket whose lock objects are all tagged with their own paths.
type tags struct {
	mu    sync.Mutex
	order []tflock.Path
}

func (b *tags) LockTags(_ context.Context, h tflock.Holding) (map[string]string, error) {
	time.Sleep(time.Millisecond) // of the test's own clock, which stands still until all that begin together have begun
	b.mu.Lock()
	defer b.mu.Unlock()
	b.order = append(b.order, h.Path)
	return map[string]string{"run": string(h.Path)}, nil
}

// Whoever may write under one prefix cannot use up the time in which the tags and the runs of
// other prefixes' locks are asked for.
func TestEachPrefixIsAskedInItsTurn(t *testing.T) {
	const junk = 300
	system, bucket := &ci{}, &tags{}
	var questions []*evidence.Question
	add := func(path tflock.Path, session string) {
		questions = append(questions, &evidence.Question{Bucket: bucket, Case: &policy.Case{
			Lock: tflock.Lock{Path: path, Holdings: []tflock.Holding{{Kind: tflock.S3, Path: path}}}, Witness: &policy.Witness{Session: session},
		}})
	}
	for i := range junk {
		add(tflock.Path(fmt.Sprint("b/junk/", i)), fmt.Sprint("gh-1-", i+1))
	}
	add("b/production/x", "gh-2-1")
	synctest.Test(t, func(t *testing.T) { evidence.Opened{Asker: system}.Ask(t.Context(), questions) })
	for i, q := range questions {
		if want := q.Case.Witness.Session; q.Case.Run == nil || q.Case.Run.ID != want || q.Tags.All["run"] != string(q.Case.Path) {
			t.Fatalf("lock %d has the run %+v and the tags %v", i, q.Case.Run, q.Tags)
		}
	}
	place := func(n int, is func(int) bool) int {
		for i := range n {
			if is(i) {
				return i
			}
		}
		return n
	}
	if at := place(len(system.asked), func(i int) bool { return system.asked[i] == "gh-2-1" }); at > 1 {
		t.Errorf("production's run is asked for after %d others", at)
	}
	if at := place(len(bucket.order), func(i int) bool { return bucket.order[i] == "b/production/x" }); at > 20 { // some are read at once
		t.Errorf("production's tags are read after %d others", at)
	}
}
