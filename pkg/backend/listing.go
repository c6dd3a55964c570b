package backend

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Lock objects are read ahead side by side, so many and so many bytes of them at once:
// they are in memory until those before them were read, and anybody who can write one can
// make it as large as maxLock.
const (
	readAhead      = 16
	readAheadBytes = 1 << 20
)

// Holdings streams the bucket's lock objects, one page of at most 1000 keys and a few of
// their contents in memory at a time. An object that is released between the listing and
// the reading is none. It ends with an *Error when a page could not be listed, or when an
// object could not be read; one such object hides no other lock. Where that concerns lock objects
// under one prefix alone, it ends with a *CrowdedError. The bytes of a holding
// with an Err are not kept. Objects that are larger than any client writes come after all others,
// and only the first ones of each prefix are read; see large.
func (b *Bucket) Holdings(ctx context.Context) iter.Seq2[tflock.Holding, error] {
	holdings, _ := b.Survey(ctx)
	return holdings
}

// Survey returns Holdings, and when the states were written: what the same listing shows of
// them, known when the holdings have come to their end.
func (b *Bucket) Survey(ctx context.Context) (iter.Seq2[tflock.Holding, error], *Times) {
	times := &Times{bucket: b.name, outside: b.outside()}
	return func(yield func(tflock.Holding, error) bool) {
		s := &survey{bucket: b, times: times, parts: &turns{waiting: []stretch{under("", "")}, count: map[string]int{}}, yield: yield}
		for now, left := s.parts.next(); left; now, left = s.parts.next() {
			if !s.read(ctx, now) {
				return
			}
		}
		times.end()
		if !s.readLater(ctx) {
			return
		}
		if err := s.problem(); err != nil {
			yield(tflock.Holding{}, err)
		}
	}, times
}

// survey is one listing of a bucket.
type survey struct {
	bucket *Bucket
	times  *Times
	parts  *turns
	yield  func(tflock.Holding, error) bool
	unread unread
	large  large
	later  later
}

// read returns the holdings of a stretch, until another one comes first. It is false where there
// is nothing more to do: nobody wants more, or a page could not be listed.
func (s *survey) read(ctx context.Context, now stretch) bool {
	for page, err := range s.bucket.list(ctx, now.input(s.bucket.name), locksOnly(s.times)) {
		if err != nil {
			s.unread.add(s.bucket.crowded(ctx, now, s.parts, err))
			s.yield(tflock.Holding{}, s.problem())
			return false
		}
		s.times.endPage(page.KeyCount, page.EncodingType == types.EncodingTypeUrl)
		locks := locksOf(page)
		if !s.bucket.lists() {
			locks = s.later.except(locks, s.parts.count)
		}
		switch s.readPage(ctx, now, locks) {
		case ended:
			return false
		case waits:
			return true
		}
	}
	return true
}

// progress is how far a page was read.
type progress int

const (
	whole progress = iota // to its end
	waits                 // the rest comes later
	ended                 // nobody wants more
)

// readPage returns the lock objects of a page.
func (s *survey) readPage(ctx context.Context, now stretch, locks []types.Object) progress {
	s.parts.begin()
	for r := range s.bucket.readAll(ctx, locks, false) {
		key := aws.ToString(r.object.Key)
		switch {
		case r.large:
			s.tooLarge(r)
		case r.err != nil:
			s.failed(ctx, now, r)
		}
		if r.found && !s.yield(r.holding, nil) {
			return ended
		}
		if !s.bucket.lists() {
			continue
		}
		if skipTo, yields := s.parts.yieldAfter(now, key); yields {
			s.times.cut(key)
			if skipTo != "" {
				s.times.skip(skipTo)
			}
			return waits
		}
	}
	return whole
}

// locksOf are the lock objects of a page, by their plain keys.
func locksOf(page *s3.ListObjectsV2Output) []types.Object {
	var locks []types.Object
	for _, object := range page.Contents {
		if key := listedKey(page.EncodingType, object); strings.HasSuffix(key, tflock.Suffix) && key != tflock.Suffix {
			object.Key = &key
			locks = append(locks, object)
		}
	}
	return locks
}

// reading is one lock object that is being read.
type reading struct {
	object types.Object
	large  bool // larger than any client writes: it was not read
	size   int64
	done   chan struct{} // closed when the rest is known

	holding tflock.Holding
	found   bool
	err     error
}

// readAll reads these lock objects side by side, and returns them in their order. Those that are
// larger than any client writes are read only where the caller wants it.
func (b *Bucket) readAll(ctx context.Context, locks []types.Object, large bool) iter.Seq[*reading] {
	return func(yield func(*reading) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var group sync.WaitGroup
		defer group.Wait()
		defer cancel()
		var ahead []*reading
		var bytes int64
		for len(locks) > 0 || len(ahead) > 0 {
			for len(locks) > 0 && (len(ahead) == 0 || (len(ahead) < readAhead && bytes+aws.ToInt64(locks[0].Size) <= readAheadBytes)) {
				r := b.begin(ctx, &group, locks[0], large)
				ahead, bytes, locks = append(ahead, r), bytes+r.size, locks[1:]
			}
			r := ahead[0]
			<-r.done
			ahead[0], ahead, bytes = nil, ahead[1:], bytes-r.size
			if !yield(r) {
				return
			}
		}
	}
}

// begin begins to read a lock object, unless it is too large.
func (b *Bucket) begin(ctx context.Context, group *sync.WaitGroup, object types.Object, large bool) *reading {
	size := aws.ToInt64(object.Size)
	r := &reading{object: object, size: size, done: make(chan struct{})}
	if size > maxLock || (size > tflock.UsualSize && !large) {
		r.size, r.large = 0, true
		close(r.done)
		return r
	}
	group.Go(func() {
		defer close(r.done)
		r.holding, r.found, r.err = b.readListed(ctx, object)
		if r.holding.Err != nil {
			r.holding.Raw = ""
		}
	})
	return r
}

// listInput asks for URL-encoded keys: a key with a control character, raw, makes an
// XML page that nobody can parse, and one such object would blind the scan.
func listInput(bucket, prefix string, limit int32) *s3.ListObjectsV2Input {
	return &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, MaxKeys: &limit, EncodingType: types.EncodingTypeUrl}
}

// isListing fails when an answer is not a listing: every one names its bucket. The SDK takes
// any document for one without keys, such as a page that a proxy answers in S3's place.
func isListing(bucket *string) error {
	if aws.ToString(bucket) == "" {
		return errNotS3
	}
	return nil
}

var errNotS3 = errors.New("the answer does not come from S3: is there a proxy in between?")

// listedKey is an object's key. It is decoded only where the page says that it is
// encoded: some stores other than S3 ignore what listInput asks for, and a key of theirs may
// have a plus sign or a percent sign of its own.
func listedKey(encoding types.EncodingType, object types.Object) string {
	key := aws.ToString(object.Key)
	if encoding != types.EncodingTypeUrl {
		return key
	}
	if plain, err := url.QueryUnescape(key); err == nil {
		return plain
	}
	return key
}
