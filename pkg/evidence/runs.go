// Package evidence finds out what the monitor and the unlock function need to know of the
// CI runs behind locks: it reads the tags of lock objects, and asks about the runs that
// tags and sessions name. It decides nothing.
package evidence

import (
	"context"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/run"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Runs looks up the runs behind locks. A nil one asks nobody.
type Runs struct {
	// Open reads the settings. It is called once for each invocation that needs them.
	Open func(ctx context.Context) (Opened, error)
}

// Opened is what the settings configure.
type Opened struct {
	Asker asker
	Auto  policy.AutoRules
}

type asker interface {
	Ask(ctx context.Context, locks []run.Named) []*policy.Run
}

// Bucket is the bucket of a lock's state.
type Bucket interface {
	LockTags(ctx context.Context, h tflock.Holding) (map[string]string, error)
}

// runTag is the tag that names the run behind a lock.
const runTag = "run"

const (
	// tagTime bounds the reading of all tags, tagReaders how many are read at once.
	tagTime    = 4 * time.Second
	tagReaders = 16
)

// Question is one lock whose run is asked for, and the answer.
type Question struct {
	Case   *policy.Case // Run is set
	Bucket Bucket       // nil: it is not watched
	Tags   policy.Tags  // is set
	Before *policy.Run  // what was known of its run earlier
}

// Ask answers the questions, side by side. What nobody could find out is unknown, and says
// why. Each folder of states has its place where there is no time for all.
func (o Opened) Ask(ctx context.Context, questions []*Question) {
	questions = tflock.InTurns(questions, func(q *Question) tflock.Path { return q.Case.Path })
	readTags(ctx, questions)
	named := make([]run.Named, len(questions))
	for i, q := range questions {
		named[i] = q.named()
	}
	for i, r := range o.Asker.Ask(ctx, named) {
		questions[i].Case.Run = r
	}
}

func readTags(ctx context.Context, questions []*Question) {
	ctx, cancel := context.WithTimeout(ctx, tagTime)
	defer cancel()
	var group sync.WaitGroup
	next := make(chan *Question)
	for range min(tagReaders, len(questions)) {
		group.Go(func() {
			for q := range next {
				q.readTags(ctx)
			}
		})
	}
	for _, q := range questions {
		next <- q
	}
	close(next)
	group.Wait()
}

func (q *Question) readTags(ctx context.Context) {
	object, found := q.object()
	switch {
	case !found:
		q.Tags.Problem = "it has no object"
	case q.Bucket == nil:
		q.Tags.Problem = "its bucket is not watched"
	default:
		var err error
		if q.Tags.All, err = q.Bucket.LockTags(ctx, object); err != nil {
			q.Tags = policy.Tags{Problem: err.Error()}
		}
	}
}

// object is the half of the lock that is an object.
func (q *Question) object() (tflock.Holding, bool) {
	for _, h := range q.Case.Holdings {
		if h.Kind == tflock.S3 {
			return h, true
		}
	}
	return tflock.Holding{}, false
}

// named is what names the lock's run. A lock without an object has no tags that could name
// another run.
func (q *Question) named() run.Named {
	n := run.Named{Tag: q.Tags.All[runTag], Earlier: q.Before, SessionProblem: q.Case.WitnessProblem}
	object, found := q.object()
	if found {
		n.Taken, n.TagsProblem = object.Modified, q.Tags.Problem
	}
	if w := q.Case.Witness; w != nil {
		n.Session = w.Session
		if n.Taken.IsZero() {
			n.Taken = w.TakenAt
		}
	}
	return n
}

var _ Bucket = (*backend.Bucket)(nil)
