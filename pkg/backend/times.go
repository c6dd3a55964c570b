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

// Of gives when the state of that path (bucket/key) was written, in whichever of its
// Objects, or zero where there is none. It is not always known: then
// StateWritten asks.
func (t *Times) Of(path tflock.Path) (at time.Time, known bool) {
	for _, stored := range path.Objects() {
		written, known := t.of(stored)
		if !known {
			return time.Time{}, false
		}
		if written.After(at) {
			at = written
		}
	}
	return at, true
}

func (t *Times) of(path tflock.Path) (at time.Time, known bool) {
	if t == nil || path.Bucket() != t.bucket || !t.whole {
		return time.Time{}, false
	}
	hash := maphash.String(keySeed, path.Key())
	i := slices.IndexFunc(t.objects, func(o written) bool { return o.key == hash })
	if i < 0 {
		// SeaweedFS leaves out a key now and then, where one page of a versioned bucket ends and the
		// next begins.
		return time.Time{}, !t.outside || t.pages == 1
	}
	at, err := time.Parse(time.RFC3339, string(t.objects[i].at[:]))
	return at, err == nil
}

// begin begins a page, or starts it again when the SDK asks for it again.
func (t *Times) begin() {
	t.objects, t.noted, t.encoded = t.objects[:len(t.objects)-t.noted], 0, nil
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
	t.noted, t.encoded, t.missed = 0, nil, t.missed || !all
}

// end ends the listing. Of a bucket that was not noted as a whole nothing is kept.
func (t *Times) end() {
	if t.whole = !t.missed; !t.whole {
		t.objects = nil
	}
}
