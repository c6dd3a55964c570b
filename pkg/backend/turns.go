package backend

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// turn is after how many lock objects of one top-level prefix those of other prefixes are read
// first. Each lock object is a call, so whoever may write under one prefix could take the whole
// time of a scan with some ten thousand of them, and what comes after them in the bucket
// would not be seen. No team holds a thousand locks at once.
const turn = 1000

// stretch is a part of a bucket's listing.
type stretch struct {
	prefix string // with its slash; empty: the whole bucket
	after  string // it begins after this key
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
	read    map[string]int // lock objects of the stretch that is read, by their top-level prefix
}

// lists says whether listings are in order and begin where they are asked to, as S3's do. Of a
// store that is not trusted that is not known.
func (b *Bucket) lists() bool { return !b.outside() || !b.conditions.probes }

// next gives the next stretch, and false at the end.
func (t *turns) next() (s stretch, left bool) {
	if len(t.waiting) == 0 {
		return stretch{}, false
	}
	s, t.waiting, t.read = t.waiting[0], t.waiting[1:], map[string]int{}
	return s, true
}

// over says whether a prefix has to wait after a page of these lock objects, which is not
// the last one of its stretch. The rest of the prefix then comes after everything else.
func (t *turns) over(now stretch, locks []types.Object) bool {
	if len(locks) == 0 {
		return false
	}
	for _, object := range locks {
		t.read[topLevel(aws.ToString(object.Key))]++
	}
	last := aws.ToString(locks[len(locks)-1].Key)
	prefix := topLevel(last)
	if prefix == "" || t.read[prefix] < turn {
		return false
	}
	if now.prefix == "" {
		// The key after all those with the prefix: 0 comes after the slash, and no lock object ends in 0.
		t.waiting = append([]stretch{{after: strings.TrimSuffix(prefix, "/") + "0"}}, t.waiting...)
	}
	t.waiting = append(t.waiting, stretch{prefix, last})
	return true
}

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

// later are the lock objects, in a store whose listings cannot be trusted to begin where they are asked
// to, of prefixes that have many: they are read when all others were.
type later struct {
	objects  []types.Object
	prefixes []string // of them, and of those that there was no room for
	left     bool     // there was no room for some
}

// but gives the objects that are read now. read counts those of each prefix.
func (l *later) but(locks []types.Object, read map[string]int) []types.Object {
	now := locks[:0]
	for _, object := range locks {
		prefix := topLevel(aws.ToString(object.Key))
		read[prefix]++
		if prefix == "" || read[prefix] <= turn {
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

// readLater reads the objects that were kept. It is false where nobody wants more.
func (s *survey) readLater(ctx context.Context) bool {
	for h, err := range s.bucket.readAll(ctx, s.later.objects) {
		switch {
		case err != nil && ctx.Err() != nil:
			s.later.left = true
		case err != nil:
			s.unread = cmp.Or(s.unread, err)
		case !s.yield(h, nil):
			return false
		}
	}
	if s.later.left && s.unread == nil {
		e := &CrowdedError{Store: s.bucket.arn}
		for _, prefix := range s.later.prefixes {
			e.Prefixes = append(e.Prefixes, s.bucket.name+"/"+prefix)
		}
		s.unread = e
	}
	return true
}

// CrowdedError says that some prefixes of a bucket have more lock objects than a scan can read
// in its time. Everything else in the bucket was read.
type CrowdedError struct {
	Store    string   // ARN
	Prefixes []string // of paths: bucket/first/
}

func (e *CrowdedError) Error() string { return e.Store + ": " + Crowd(e.Prefixes) }

// Crowd says that there are more locks under some prefixes than a scan can read or keep.
func Crowd(prefixes []string) string {
	const named = 3
	names := strings.Join(prefixes[:min(len(prefixes), named)], ", ")
	if more := len(prefixes) - named; more > 0 {
		names += fmt.Sprintf(" and %d more prefixes", more)
	}
	return fmt.Sprintf("under %s are more locks than one scan can read, so not all of them were seen; everything else was read. "+
		"No team holds so many at once: find out who writes them", names)
}

// crowded is what an error means that ended the reading of a stretch.
func (b *Bucket) crowded(ctx context.Context, now stretch, t *turns, err error) error {
	if now.prefix == "" || ctx.Err() == nil {
		return err
	}
	e := &CrowdedError{Store: b.arn, Prefixes: []string{b.name + "/" + now.prefix}}
	for _, s := range t.waiting {
		e.Prefixes = append(e.Prefixes, b.name+"/"+s.prefix)
	}
	return e
}
