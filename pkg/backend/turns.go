package backend

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// turn is after how many lock objects of one folder, or how much time (in nanoseconds) for them,
// those of others are read first. Each lock object is a call, so whoever may write under one prefix could
// take the whole time of a scan with some ten thousand of them, or with fewer that S3 gives slowly
// (those under a key whose store answers late), and what comes after them in the bucket would not
// be seen. No team holds a thousand locks at once.
var turn = tflock.Amount{Items: 1000, Cost: int64(5 * time.Second)}

// stretch is a part of a bucket's listing, which is read in one go unless others come first.
type stretch struct {
	prefix  string // with its slash; empty: the whole bucket
	after   string // it begins after this key
	folders *tflock.Folders
}

// under is what a folder has after a key.
func under(folder, after string) stretch {
	return stretch{folder, after, &tflock.Folders{Root: folder, Turn: turn}}
}

func (s stretch) input(bucket string) *s3.ListObjectsV2Input {
	in := listInput(bucket, s.prefix, 1000)
	if s.after != "" {
		in.StartAfter = &s.after
	}
	return in
}

// turns are the stretches of a bucket that are still to be read.
type turns struct {
	waiting []stretch
	had     tflock.Amount  // of the stretch that is being read
	at      time.Time      // it is being read since, or since its last lock object
	prefix  string         // top-level one of that object
	count   map[string]int // lock objects by their prefix, of a store whose listings cannot be trusted
}

// lists reports whether listings are in order and begin where they are asked to, as S3's do. Of a
// store that is not trusted that is not known.
func (b *Bucket) lists() bool { return !b.outside() || !b.conditions.probes }

// next returns the next stretch, and false at the end.
func (t *turns) next() (s stretch, left bool) {
	if len(t.waiting) == 0 {
		return stretch{}, false
	}
	s, t.waiting = t.waiting[0], t.waiting[1:]
	t.had, t.prefix = tflock.Amount{}, ""
	return s, true
}

// begin begins to read the lock objects of a page.
func (t *turns) begin() { t.at = time.Now() }

// yieldAfter reports whether the listing goes on elsewhere after the lock object with that key, which
// was just read. The rest of the stretch is queued:
//   - a folder that had enough comes after everything else, so that when the time is over it is
//     known that everything else was read; what is left of the stretch goes on behind the folder,
//     at skipTo;
//   - a stretch of such a folder that had enough comes after the other ones; skipTo is empty.
func (t *turns) yieldAfter(now stretch, key string) (skipTo string, yields bool) {
	cost := int64(time.Since(t.at))
	t.begin()
	t.prefix = topLevel(key)
	t.had.Add(cost)
	now.folders.Find(key, cost)
	if folder, postponed := now.folders.Postpone(); postponed {
		now.after = behind(folder.Name)
		if now.prefix == "" {
			t.waiting = append([]stretch{now}, t.waiting...)
		} else {
			t.waiting = append(t.waiting, now)
		}
		t.waiting = append(t.waiting, under(folder.Name, key))
		return now.after, true
	}
	if now.prefix != "" && t.had.Reaches(turn) && len(t.waiting) > 0 {
		now.after = key
		t.waiting = append(t.waiting, now)
		return "", true
	}
	return "", false
}

// behind is the key after all those with a prefix: 0 comes after the slash, and no lock object ends in 0.
func behind(prefix string) string { return strings.TrimSuffix(prefix, "/") + "0" }

// topLevel is the first part of a key with its slash; empty where the key has no other.
func topLevel(key string) string {
	first, _, more := strings.Cut(key, "/")
	if !more {
		return ""
	}
	return first + "/"
}

// maxLater bounds the lock objects that are kept to be read after all others.
const maxLater = 20_000

// later are the lock objects that are read when all others were: those that are larger than any client
// writes, and, in a store whose listings cannot be trusted to begin where they are asked to, those of prefixes that have many.
type later struct {
	objects  []types.Object
	prefixes []string // of them, and of those that there was no room for
	left     bool     // there was no room for some
	large    []types.Object
}

// except keeps the objects of prefixes that have many for later, and returns the others, which
// are read now. read counts those of each prefix.
func (l *later) except(locks []types.Object, read map[string]int) []types.Object {
	now := locks[:0]
	for _, object := range locks {
		prefix := topLevel(aws.ToString(object.Key))
		read[prefix]++
		if prefix == "" || read[prefix] <= turn.Items {
			now = append(now, object)
			continue
		}
		if !slices.Contains(l.prefixes, prefix) {
			l.prefixes = append(l.prefixes, prefix)
		}
		if l.left = l.left || len(l.objects) == maxLater; !l.left {
			l.objects = append(l.objects, object)
		}
	}
	return now
}

// inTurns orders lock objects by their folders.
func (s *survey) inTurns(objects []types.Object) []types.Object {
	return tflock.InTurns(objects, func(o types.Object) tflock.Path { return tflock.NewPath(s.bucket.name, aws.ToString(o.Key)) })
}

// readLater reads the objects that were kept, those that are larger than any client writes at last. It
// is false where nobody wants more.
func (s *survey) readLater(ctx context.Context) bool {
	for r := range s.bucket.readAll(ctx, s.inTurns(s.later.objects), false) {
		switch {
		case r.large:
			s.tooLarge(r)
		case r.err != nil && ctx.Err() != nil:
			s.later.left = true
		case r.err != nil:
			s.unread.object(s.bucket, r)
		}
		if r.found && !s.yield(r.holding, nil) {
			return false
		}
	}
	if s.later.left {
		for _, prefix := range s.later.prefixes {
			s.unread.crowded = append(s.unread.crowded, s.bucket.name+"/"+prefix)
		}
	}
	return s.readLarge(ctx)
}

// readLarge reads the objects that are larger than any client writes. One that cannot be read does not
// make the bucket fail, since no client can have written it.
func (s *survey) readLarge(ctx context.Context) bool {
	for r := range s.bucket.readAll(ctx, s.later.large, true) {
		if r.err != nil {
			r.found, r.holding = true, s.bucket.unreadable(r.object, tflock.ErrLarge)
		}
		if r.found && !s.yield(r.holding, nil) {
			return false
		}
	}
	return true
}

// tooLarge keeps an object that is larger than any client writes to be read at last. Where there is no
// room for it, or it is too large altogether, it is unreadable.
func (s *survey) tooLarge(r *reading) {
	if aws.ToInt64(r.object.Size) <= maxLock && s.large.reserve(tflock.NewPath(s.bucket.name, aws.ToString(r.object.Key))) {
		s.later.large = append(s.later.large, r.object)
		return
	}
	r.found, r.holding = true, s.bucket.unreadable(r.object, tflock.ErrLarge)
}

// Crowd says that there are more locks under some prefixes than a scan can read or keep.
func Crowd(prefixes []string) string {
	const named = 3
	var first []string
	inTurns := tflock.InTurns(prefixes, func(prefix string) tflock.Path { return tflock.Path(prefix) })
	for _, prefix := range inTurns[:min(len(prefixes), named)] {
		first = append(first, plain.Quoted(shortened(prefix)))
	}
	names := strings.Join(first, ", ")
	if more := len(prefixes) - named; more > 0 {
		names += fmt.Sprintf(" and %d more prefixes", more)
	}
	return fmt.Sprintf("under %s are more locks than one scan can read, so not all of them were seen; everything else was read. "+
		"No team holds so many at once: find out who writes them", names)
}

// shortened is the name of a prefix in a sentence, of which messages keep 600 bytes: a longer name would take it all.
func shortened(prefix string) string {
	const most = 100
	if len(prefix) <= most {
		return prefix
	}
	return strings.ToValidUTF8(prefix[:most], "") + "…"
}

// crowded is what an error means that ended the reading of a stretch. In the first one it is that
// of the bucket, and names where the time went.
func (b *Bucket) crowded(ctx context.Context, now stretch, t *turns, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if now.prefix == "" {
		if t.prefix != "" {
			err = &Error{b.arn, &slowError{b.name + "/" + t.prefix, err}}
		}
		return err
	}
	var crowds tflock.Crowds
	for _, left := range append([]stretch{now}, t.waiting...) {
		crowds.Add(tflock.NewPath(b.name, left.prefix))
	}
	e := &CrowdedError{Store: b.arn}
	for _, folder := range crowds.All() {
		e.Prefixes = append(e.Prefixes, string(folder))
	}
	return e
}

// slowError says that the time ended while the lock objects of a prefix were read.
type slowError struct {
	prefix string // bucket/first/
	err    error
}

func (e *slowError) Error() string {
	return "the time ended while the lock objects under " + plain.Quoted(shortened(e.prefix)) + " were read: " + cause(e.err)
}

func (e *slowError) Unwrap() error { return e.err }
