package backend

import (
	"bytes"
	"hash/maphash"
	"net/url"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Times are when the objects of a bucket were last written, by S3's clock, as one listing
// showed them. They come without another call, in 32 bytes an object however long its key
// is. Of a large bucket nothing is known: its listing takes a while, and what it showed at
// first may have changed by its end.
type Times struct {
	bucket  string
	objects []written
	noted   int              // objects of the page that is read
	encoded []encodedWritten // those of them whose key can be read in two ways
	missed  bool             // an object of an earlier page was not noted
	whole   bool             // the bucket has no other objects
	outside bool             // it is in another store than S3
	pages   int
	asked   []asked   // when the pages of the objects were asked for
	now     time.Time // the same of the page that is read
	first   time.Time // the same of the first page
	skipped []uint64  // keys that no page shows although they may be there
}

// asked is a page of a listing.
type asked struct {
	at  time.Time
	end int // the number of objects with those of this page
}

// encodedWritten is an object of a page that may be URL-encoded, which is known at its end.
type encodedWritten struct {
	object  int    // which of the noted ones
	plain   uint64 // its key decoded, hashed
	garbled bool   // it cannot be decoded
}

type written struct {
	key uint64 // hashed: that two of them meet takes billions of keys
	at  [24]byte
}

// remembered bounds the objects of a bucket: five pages, and few buckets have more.
const remembered = 5000

var (
	keySeed        = maphash.MakeSeed()
	atStart, atEnd = []byte("<LastModified>"), []byte("</LastModified>")
)

// Of returns when the state of that path (bucket/key) was written, in whichever of its
// Objects, or zero where there is none, and when the listing was asked that showed it. It is not
// always known: then StateWritten asks.
func (t *Times) Of(path tflock.Path) (at, asked time.Time, known bool) {
	for _, stored := range path.Objects() {
		written, when, known := t.of(stored)
		if !known {
			return time.Time{}, time.Time{}, false
		}
		if written.After(at) {
			at = written
		}
		if asked.IsZero() || when.Before(asked) {
			asked = when
		}
	}
	return at, asked, true
}

func (t *Times) of(path tflock.Path) (at, when time.Time, known bool) {
	if t == nil || path.Bucket() != t.bucket || !t.whole {
		return time.Time{}, time.Time{}, false
	}
	hash := maphash.String(keySeed, path.Key())
	i := slices.IndexFunc(t.objects, func(o written) bool { return o.key == hash })
	if i < 0 {
		// SeaweedFS leaves out a key now and then, where one page of a versioned bucket ends and the
		// next begins.
		return time.Time{}, t.first, (!t.outside || t.pages == 1) && !slices.Contains(t.skipped, hash)
	}
	page := slices.IndexFunc(t.asked, func(p asked) bool { return i < p.end })
	at, err := time.Parse(time.RFC3339, string(t.objects[i].at[:]))
	return at, t.asked[page].at, err == nil
}

// begin begins a page that was asked for at that time, or starts it again when the SDK asks for it again.
func (t *Times) begin(at time.Time) {
	t.objects, t.noted, t.encoded, t.now = t.objects[:len(t.objects)-t.noted], 0, nil, at
	if t.first.IsZero() {
		t.first = at
	}
}

// note remembers an object by its key and its XML, both as the listing has them, if there
// is room and it understands them.
func (t *Times) note(key, object []byte) {
	if len(t.objects) == remembered || bytes.IndexByte(key, '&') >= 0 {
		return
	}
	_, rest, _ := bytes.Cut(object, atStart)
	at, _, found := bytes.Cut(rest, atEnd)
	if !found || len(at) != len(written{}.at) {
		return
	}
	if bytes.IndexByte(key, '%') >= 0 || bytes.IndexByte(key, '+') >= 0 {
		plain, err := url.QueryUnescape(string(key))
		t.encoded = append(t.encoded, encodedWritten{len(t.objects), maphash.String(keySeed, plain), err != nil})
	}
	t.objects = append(t.objects, written{maphash.Bytes(keySeed, key), [24]byte(at)})
	t.noted++
}

// endPage ends a page of so many keys, as S3 counts them. Its keys are decoded if the page
// says that they are encoded.
func (t *Times) endPage(keys *int32, encoded bool) {
	t.pages++
	all := keys != nil && t.noted == int(*keys)
	if encoded {
		for _, e := range t.encoded {
			t.objects[e.object].key, all = e.plain, all && !e.garbled
		}
	}
	if t.noted > 0 {
		t.asked = append(t.asked, asked{t.now, len(t.objects)})
	}
	t.noted, t.encoded, t.missed = 0, nil, t.missed || !all
}

// cut forgets what the last page showed behind a key: another listing begins there.
func (t *Times) cut(key string) {
	hash := maphash.String(keySeed, key)
	for i := len(t.objects) - 1; i >= 0; i-- {
		if t.objects[i].key == hash {
			t.objects = t.objects[:i+1]
			t.asked[len(t.asked)-1].end = i + 1
			return
		}
	}
	t.missed = true
}

// skip says of a key that the listings pass over it.
func (t *Times) skip(key string) { t.skipped = append(t.skipped, maphash.String(keySeed, key)) }

// end ends the listing. Of a bucket that was not noted as a whole nothing is kept.
func (t *Times) end() {
	if t.whole = !t.missed; !t.whole {
		t.objects = nil
	}
}
