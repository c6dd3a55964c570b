package scale

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Bucket is a versioned S3 bucket: the objects of a crowd of states, which are only
// read, and objects that were written.
type Bucket struct {
	Name   string
	Region string // where it is, if not in the world's Region
	Crowd  Crowd

	objects map[string]Object // written ones, by key
	sorted  []string
}

// Object is one that was written.
type Object struct {
	Body     string
	Modified time.Time
}

func (o Object) etag() string { return `"` + local.MD5(o.Body) + `"` }

// Put writes an object, as a client that is not measured.
func (b *Bucket) Put(key, body string, modified time.Time) {
	if b.objects == nil {
		b.objects = map[string]Object{}
	}
	if _, there := b.objects[key]; !there {
		b.sorted = nil
	}
	b.objects[key] = Object{body, modified}
}

// Len is how many objects were written and are there.
func (b *Bucket) Len() int { return len(b.objects) }

// Remove deletes an object, as a client that is not measured.
func (b *Bucket) Remove(key string) { b.delete(key) }

func (b *Bucket) delete(key string) {
	delete(b.objects, key)
	b.sorted = nil
}

// size is how many keys the crowd has: a state each, and a lock behind the locked ones.
func (c Crowd) size() int { return c.States + c.locksBefore(c.States) }

// key is the n-th of them as they sort.
func (c Crowd) key(n int) string {
	i := sort.Search(c.States, func(i int) bool { return i+1+c.locksBefore(i+1) > n })
	if n > i+c.locksBefore(i) {
		return stateKey(i) + tflock.Suffix
	}
	return stateKey(i)
}

// after is the number of the first of them behind a key.
func (c Crowd) after(key string) int {
	return sort.Search(c.size(), func(n int) bool { return c.key(n) > key })
}

func (b *Bucket) get(key string) (Object, bool) {
	if o, ok := b.objects[key]; ok {
		return o, true
	}
	state, isLock := strings.CutSuffix(key, tflock.Suffix)
	i, ok := indexOf(state)
	switch {
	case !ok || i >= b.Crowd.States || (isLock && !b.Crowd.locked(i)):
		return Object{}, false
	case isLock:
		return Object{b.Crowd.lockInfo(i, b.Name+"/"+state), b.Crowd.Taken}, true
	}
	content := emptyState
	if b.Crowd.State != nil {
		content = b.Crowd.State
	}
	return Object{content(i), b.Crowd.Taken.Add(-time.Hour)}, true
}

func emptyState(i int) string {
	return fmt.Sprintf(`{"version":4,"terraform_version":"1.11.4","serial":%d,"lineage":"l-%d","outputs":{},"resources":[],"check_results":null}`+"\n", i%100, i)
}

// list returns at most limit keys with that prefix behind a key, and reports whether there
// are more.
func (b *Bucket) list(prefix, behind string, limit int) (keys []string, more bool) {
	if b.sorted == nil {
		b.sorted = slices.Sorted(maps.Keys(b.objects))
	}
	for c := b.from(prefix, behind); ; {
		key := c.next()
		if key == "" || !strings.HasPrefix(key, prefix) {
			return keys, false
		}
		if len(keys) == limit {
			return keys, true
		}
		keys = append(keys, key)
	}
}

// cursor merges the crowd's keys and the written ones, as they sort.
type cursor struct {
	crowd          Crowd
	written        []string
	inCrowd, index int // of the next key in each
}

// from is a cursor on the first key with that prefix, or behind the last key of the page
// before.
func (b *Bucket) from(prefix, behind string) cursor {
	c := cursor{crowd: b.Crowd, written: b.sorted, inCrowd: b.Crowd.after(cmp.Or(behind, prefix))}
	if behind == "" && c.inCrowd > 0 && b.Crowd.key(c.inCrowd-1) == prefix {
		c.inCrowd--
	}
	c.index, _ = slices.BinarySearch(b.sorted, max(behind, prefix))
	if c.index < len(b.sorted) && b.sorted[c.index] == behind {
		c.index++
	}
	return c
}

// next consumes a key, and returns "" behind the last one.
func (c *cursor) next() string {
	var key string
	fromCrowd := c.inCrowd < c.crowd.size()
	if fromCrowd {
		key = c.crowd.key(c.inCrowd)
	}
	if c.index < len(c.written) && (!fromCrowd || c.written[c.index] < key) {
		key = c.written[c.index]
		c.index++
		return key
	}
	c.inCrowd++
	return key
}

// put writes on condition that nothing is there, or that what is there has an ETag, where
// the request says so.
func (b *Bucket) put(r *http.Request, key string, body []byte) answer {
	o, there := b.get(key)
	match := r.Header.Get("If-Match")
	switch {
	case there && r.Header.Get("If-None-Match") == "*", there && match != "" && match != o.etag():
		return fault(http.StatusPreconditionFailed, "PreconditionFailed")
	case !there && match != "":
		return fault(http.StatusNotFound, "NoSuchKey")
	}
	b.Put(key, string(body), time.Now())
	return answer{status: http.StatusOK, header: map[string]string{"ETag": b.objects[key].etag(), "X-Amz-Version-Id": "v1"}}
}

// remove deletes on condition of the ETag, where the request says so.
func (b *Bucket) remove(r *http.Request, key string) answer {
	o, there := b.get(key)
	if match := r.Header.Get("If-Match"); match != "" {
		if !there {
			return fault(http.StatusNotFound, "NoSuchKey")
		}
		if match != o.etag() {
			return fault(http.StatusPreconditionFailed, "PreconditionFailed")
		}
	}
	b.delete(key)
	return answer{status: http.StatusNoContent, header: map[string]string{"X-Amz-Version-Id": "v2", "X-Amz-Delete-Marker": "true"}}
}
