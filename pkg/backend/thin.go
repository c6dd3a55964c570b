package backend

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Decoding a listing is by far the dearest part of a scan (some 15 ms of CPU for a page of
// 1000 keys), and hardly a key in a thousand is a lock. So pages lose all other keys
// before the SDK decodes them, as a table's rows lose the digests in DynamoDB.

// locksOnly makes ListObjectsV2 give lock objects only, and notes when all were written.
func locksOnly(times *Times) func(*s3.Options) {
	thin := middleware.DeserializeMiddlewareFunc("LocksOnly", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		asked := time.Now()
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if response, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil && response.StatusCode == http.StatusOK {
			times.begin(asked)
			response.Body = struct {
				io.Reader
				io.Closer
			}{&thinner{page: response.Body, times: times}, response.Body}
		}
		return out, metadata, err
	})
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Deserialize.Add(thin, middleware.After) // next to the wire, before any decoding
		})
	}
}

var (
	contents, endOfContents = []byte("<Contents>"), []byte("</Contents>")
	keyStart, keyEnd        = []byte("<Key>"), []byte("</Key>")
	lockEnd                 = []byte(tflock.Suffix)
)

// thinner reads a listing's XML without the objects that certainly are not locks. What it
// does not understand it leaves: the decoder has the last word. Nothing in a key can
// look like a tag, since XML escapes the bracket.
type thinner struct {
	page  io.Reader
	times *Times
	err   error  // why page ended
	store []byte // where buf is
	buf   []byte // what was read and is not given yet
	done  int    // so much of buf is to be given
}

// window is how much of a page is in memory: several times the largest object, whose key
// has 1024 bytes that take up to six each.
const window = 32 << 10

func (t *thinner) Read(p []byte) (int, error) {
	for t.done == 0 {
		if t.err != nil && len(t.buf) == 0 {
			return 0, t.err
		}
		t.step()
	}
	n := copy(p, t.buf[:t.done])
	t.buf, t.done = t.buf[n:], t.done-n
	return n, nil
}

// step drops or lets through the next object, or reads on to its end.
func (t *thinner) step() {
	if length := bytes.Index(t.buf, endOfContents); length >= 0 {
		end := length + len(endOfContents)
		start := bytes.Index(t.buf[:end], contents)
		if start < 0 || !t.note(t.buf[start:end]) {
			t.done = end
			return
		}
		// What stands before the object is let through, the object is overwritten by it.
		copy(t.buf[end-start:], t.buf[:start])
		t.buf, t.done = t.buf[end-start:], start
		return
	}
	if t.err != nil || len(t.buf) >= window {
		t.done = len(t.buf)
		return
	}
	if t.store == nil {
		t.store = make([]byte, 2*window)
	}
	rest := copy(t.store, t.buf)
	var n int
	n, t.err = t.page.Read(t.store[rest:])
	t.buf = t.store[:rest+n]
}

// note remembers when one listed object was written, and reports whether it certainly is no
// lock: the key does not end in the suffix, nor in something encoded that only a decoder
// can tell.
func (t *thinner) note(object []byte) (noLock bool) {
	_, rest, found := bytes.Cut(object, keyStart)
	key, _, ended := bytes.Cut(rest, keyEnd)
	if !found || !ended {
		return false
	}
	t.times.note(key, object)
	// Each byte of the suffix may take up to six as an escape.
	last := key[max(0, len(key)-6*len(lockEnd)):]
	return !bytes.HasSuffix(key, lockEnd) && !bytes.ContainsAny(last, "%&")
}
