package unlock_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

func TestOutcomes(t *testing.T) {
	const id = "78007e4f-7284-5b8c-b34c-620445a03e9c"
	pasted := func(w *world, key string) string {
		return string("Error acquiring the state lock\n\nLock Info:\n  ID:        " + id + "\n  Path:      " + w.Path(key) + "\n")
	}
	both := func(w *world) []backend.Store { return w.Set.All() }
	for name, tc := range map[string]struct {
		prepare  func(w *world)
		unseen   bool                  // no scan has seen the locks
		id       func(w *world) string // what is asked for; nil: the ID
		more     string                // more of the payload
		want     unlock.Outcome
		released []tflock.Kind
		left     []string
		notified []string
		says     string
		steps    string
	}{
		"both halves go": {
			prepare: func(w *world) { w.Lock("k", id, both(w)...) }, want: unlock.Released,
			released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, notified: []string{"lock.released"}, says: "held for 1h",
		},
		"a half-lock goes": {
			prepare: func(w *world) { w.Lock("k", id, w.Set.Tables[0]) }, want: unlock.Released, released: []tflock.Kind{tflock.DynamoDB}, notified: []string{"lock.released"},
		},
		"both halves go by S3's time, before any scan has seen them": {
			prepare: func(w *world) { w.Lock("k", id, both(w)...) }, unseen: true, want: unlock.Released,
			released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, notified: []string{"lock.released"},
		},
		"a row that says it is old and that no scan has seen is refused": {
			prepare: func(w *world) { w.Lock("k", id, w.Set.Tables[0]) }, unseen: true, want: unlock.Refused,
			left: []string{"k " + id + " [dynamodb]"}, notified: []string{"lock.refused"}, says: "no scan has seen this lock before", steps: "after the monitor's next scan",
		},
		"the path names the lock": {
			prepare: func(w *world) { w.Lock("k", id, both(w)...); w.Lock("j", id, both(w)...) }, more: `,"path":"PATH"`,
			want: unlock.Released, released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, left: []string{"j " + id + " [dynamodb s3]"}, notified: []string{"lock.released"},
		},
		"another lock on the path that is given": {
			prepare: func(w *world) { w.Lock("k", "other", both(w)...); w.Lock("j", id, both(w)...) }, more: `,"path":"PATH"`,
			want: unlock.Changed, left: []string{"j " + id + " [dynamodb s3]", "k other [dynamodb s3]"}, says: "other",
		},
		"an empty path is none": {
			prepare: func(w *world) { w.Lock("k", id, both(w)...) }, more: `,"path":""`, want: unlock.Released,
			released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, notified: []string{"lock.released"},
		},
		"the pasted error names the lock": {
			prepare: func(w *world) { w.Lock("k", id, both(w)...) }, id: func(w *world) string { return pasted(w, "k") },
			want: unlock.Released, released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, notified: []string{"lock.released"},
		},
		"another lock stays": {
			prepare: func(w *world) { w.Lock("k", id, both(w)...); w.Lock("j", "other", both(w)...) },
			want:    unlock.Released, released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, left: []string{"j other [dynamodb s3]"}, notified: []string{"lock.released"},
		},
		"a rival on the same path stays": {
			prepare: func(w *world) { w.Lock("k", id, w.Set.Buckets[0]); w.Lock("k", "rival", w.Set.Tables[0]) },
			want:    unlock.Released, released: []tflock.Kind{tflock.S3}, left: []string{"k rival [dynamodb]"}, notified: []string{"lock.released"},
		},
		"nothing there": {prepare: func(*world) {}, want: unlock.NotFound, says: "There is no lock"},
		"another lock on the named path": {
			prepare: func(w *world) { w.Lock("k", "other", both(w)...) }, id: func(w *world) string { return pasted(w, "k") },
			want: unlock.Changed, left: []string{"k other [dynamodb s3]"}, says: "other",
		},
		"one ID on two states": {
			prepare: func(w *world) { w.Lock("k", id, both(w)...); w.Lock("j", id, both(w)...) },
			want:    unlock.Ambiguous, left: []string{"j " + id + " [dynamodb s3]", "k " + id + " [dynamodb s3]"},
		},
		"one ID on two states, and the text says which": {
			prepare: func(w *world) { w.Lock("k", id, both(w)...); w.Lock("j", id, both(w)...) }, id: func(w *world) string { return pasted(w, "k") },
			want: unlock.Released, released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, left: []string{"j " + id + " [dynamodb s3]"}, notified: []string{"lock.released"},
		},
		"a young lock is refused": {
			prepare: func(w *world) { w.ahead = time.Minute; w.Lock("k", id, both(w)...) },
			want:    unlock.Refused, left: []string{"k " + id + " [dynamodb s3]"}, notified: []string{"lock.refused"}, says: "only 1m",
		},
		"a dry run of a young lock is refused, and tells nobody": {
			prepare: func(w *world) { w.ahead = time.Minute; w.Lock("k", id, both(w)...) }, more: `,"dry_run":true`,
			want: unlock.Refused, left: []string{"k " + id + " [dynamodb s3]"},
		},
		"force overrides the guard": {
			prepare: func(w *world) { w.ahead = time.Minute; w.Lock("k", id, both(w)...) }, more: `,"force":true`,
			want: unlock.Released, released: []tflock.Kind{tflock.S3, tflock.DynamoDB}, notified: []string{"lock.released"},
		},
		"a state written lately is refused": {
			prepare: func(w *world) {
				w.Lock("k", id, w.Set.Tables[0])
				_, err := server.S3().PutObject(w.Context(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: aws.String("k"), Body: strings.NewReader("{}")})
				if err != nil {
					w.Fatal(err)
				}
				w.ahead = 8 * time.Minute // the lock is old by what an earlier scan saw
				w.remember(id, time.Now().Add(-time.Hour))
			},
			unseen: true, want: unlock.Refused, left: []string{"k " + id + " [dynamodb]"}, notified: []string{"lock.refused"}, says: "the state was written",
		},
		"a dry run releases nothing": {
			prepare: func(w *world) { w.Lock("k", id, both(w)...) }, more: `,"dry_run":true`,
			want: unlock.WouldRelease, left: []string{"k " + id + " [dynamodb s3]"}, says: "Nothing was touched",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.prepare(w)
			if !tc.unseen {
				w.scan()
			}
			asked := id
			if tc.id != nil {
				asked = tc.id(w)
			}
			a, err := w.run(&local.Wire{}, request(w, asked, strings.ReplaceAll(tc.more, "PATH", string(w.Path("k")))))
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Join(append(a.NextSteps, a.Message), "\n")
			if a.Outcome != tc.want || !slices.Equal(a.Released, tc.released) || !strings.Contains(a.Message, tc.says) || !strings.Contains(said, tc.steps) || len(a.NextSteps) == 0 {
				t.Errorf("got %+v", a)
			}
			if got := w.held(); !slices.Equal(got, tc.left) && len(got)+len(tc.left) > 0 {
				t.Errorf("left %q, want %q", got, tc.left)
			}
			if got := w.published(); !slices.Equal(got, tc.notified) {
				t.Errorf("notified %q, want %q", got, tc.notified)
			}
		})
	}
}
