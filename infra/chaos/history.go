package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// history is what truly happened to a backend: everybody's calls go through it, those
// that change something one at a time, and each change is held against the laws.
type history struct {
	bucket, table string

	mu      sync.Mutex
	locks   map[string]string   // ID by place and state path; a place is the bucket or the table
	empty   map[string]bool     // whether the last state written on a path manages nothing
	serials map[string]int      // the highest of a path and lineage
	dead    map[string]bool     // IDs of clients that were killed
	done    []string            // IDs that were given back
	pruned  map[string]struct{} // paths that a prune deleted
	changes int
	broken  []string
}

func newHistory(bucket, table string) *history {
	return &history{
		bucket: bucket, table: table, locks: map[string]string{}, empty: map[string]bool{}, serials: map[string]int{},
		dead: map[string]bool{}, pruned: map[string]struct{}{},
	}
}

// door is an endpoint of AWS for one side: clients, or Lockwarden.
func (h *history) door(upstream string, lockwarden bool) (endpoint string, stop func(), err error) {
	target, err := url.Parse(upstream)
	if err != nil {
		return "", nil, err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{DisableKeepAlives: true}, // moto closes idle connections without a word
		// A client that is killed in the middle of a call is no news.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		c, changes := h.parse(r, body)
		if !changes {
			proxy.ServeHTTP(w, r)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		answer := &observer{ResponseWriter: w}
		proxy.ServeHTTP(answer, r.WithContext(context.WithoutCancel(r.Context()))) // a client that is killed meanwhile hides nothing
		if answer.status < http.StatusMultipleChoices {
			c.lockwarden = lockwarden
			h.record(c)
		}
	})}
	go server.Serve(listener) //nolint:errcheck // Close ends it
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}

type observer struct {
	http.ResponseWriter
	status int
}

func (o *observer) WriteHeader(status int) {
	o.status = status
	o.ResponseWriter.WriteHeader(status)
}

// change is one call that changes a lock or a state, or says something to people.
type change struct {
	lockwarden bool
	place      string // where the lock lies; empty: it is no lock
	path       string // of the state
	deletes    bool
	body       string
	says       *alert.Event
}

func (h *history) parse(r *http.Request, body []byte) (change, bool) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	target := r.Header.Get("X-Amz-Target")
	switch {
	case strings.HasPrefix(path, h.bucket+"/") && (r.Method == http.MethodPut || r.Method == http.MethodDelete):
		state, isLock := strings.CutSuffix(path, tflock.Suffix)
		return change{place: map[bool]string{true: "bucket"}[isLock], path: state, deletes: r.Method == http.MethodDelete, body: string(body)}, true
	case strings.HasSuffix(target, ".PutItem"), strings.HasSuffix(target, ".DeleteItem"):
		var item struct {
			TableName string
			Item, Key struct {
				LockID, Info, Digest struct{ S string }
			}
		}
		if json.Unmarshal(body, &item) != nil || item.TableName != h.table || item.Item.Digest.S != "" {
			return change{}, false
		}
		id := item.Item.LockID.S + item.Key.LockID.S
		return change{place: "table", path: id, deletes: strings.HasSuffix(target, ".DeleteItem"), body: item.Item.Info.S}, !strings.HasSuffix(id, "-md5")
	case bytes.Contains(body, []byte("Action=Publish&")):
		form, err := url.ParseQuery(string(body))
		var texts map[string]string
		var e alert.Event
		if err != nil || json.Unmarshal([]byte(form.Get("Message")), &texts) != nil || json.Unmarshal([]byte(texts["default"]), &e) != nil {
			return change{}, false
		}
		return change{says: &e}, true
	}
	return change{}, false
}

var (
	idOf     = regexp.MustCompile(`"ID":"([^"]+)"`)
	serialOf = regexp.MustCompile(`"serial":\s*(\d+)`)
	lineage  = regexp.MustCompile(`"lineage":\s*"([^"]+)"`)
	nothing  = regexp.MustCompile(`"resources":\s*\[\]`)
)

// record notes a change that AWS made, and what is wrong with it.
func (h *history) record(c change) {
	h.changes++
	by := map[bool]string{true: "Lockwarden", false: "a client"}[c.lockwarden]
	switch at := c.place + " " + c.path; {
	case c.says != nil:
		h.said(*c.says)
	case c.place != "" && c.deletes:
		h.unlocked(at, c.lockwarden)
	case c.place != "":
		id := ""
		if found := idOf.FindStringSubmatch(c.body); found != nil {
			id = found[1]
		}
		if strings.Contains(c.body, ours) {
			id = ours + " " + id
		}
		if was := h.locks[at]; was != "" {
			h.breaks("lock %s at %s was overwritten by %s of %s", was, at, id, by)
		}
		h.locks[at] = id
	case c.deletes:
		h.deleted(c.path, by)
	default:
		h.written(c)
	}
}

func (h *history) unlocked(at string, lockwarden bool) {
	id := h.locks[at]
	delete(h.locks, at)
	switch mine := strings.HasPrefix(id, ours); {
	case id == "":
	case lockwarden && !mine && !h.dead[id]:
		h.breaks("lock of a live client released: %s at %s", id, at)
	case !lockwarden && mine:
		h.breaks("a client removed the lock of Lockwarden at %s", at)
	case !mine:
		h.done = append(h.done, id)
	}
}

// holder gives the lock of a client on a path, or empty.
func (h *history) holder(path string) string {
	for _, place := range []string{"bucket", "table"} {
		if id := h.locks[place+" "+path]; id != "" && !strings.HasPrefix(id, ours) {
			return id
		}
	}
	return ""
}

func (h *history) deleted(path, by string) {
	if id := h.holder(path); id != "" {
		h.breaks("state %s was deleted by %s under the lock %s", path, by, id)
	}
	if !h.empty[path] {
		h.breaks("state %s was deleted by %s, and it was not empty", path, by)
	}
	h.pruned[path] = struct{}{}
}

func (h *history) written(c change) {
	delete(h.pruned, c.path)
	h.empty[c.path] = nothing.MatchString(c.body)
	if !c.lockwarden && h.holder(c.path) == "" {
		h.breaks("a client wrote the state %s, and its lock was gone", c.path)
	}
	number, line := serialOf.FindStringSubmatch(c.body), lineage.FindStringSubmatch(c.body)
	if number == nil || line == nil {
		h.breaks("what was written to %s is no state: %.100q", c.path, c.body)
		return
	}
	serial, _ := strconv.Atoi(number[1]) // the expression takes digits alone
	if of := c.path + " " + line[1]; serial < h.serials[of] {
		h.breaks("the serial of %s went back from %d to %d", of, h.serials[of], serial)
	} else {
		h.serials[of] = serial
	}
}

func (h *history) said(e alert.Event) {
	if e.Type != alert.LockResolved || e.Lock == nil {
		return
	}
	for at, id := range h.locks {
		if id == e.Lock.ID {
			h.breaks("called resolved, and it is there: %s at %s", id, at)
		}
	}
}

func (h *history) breaks(format string, args ...any) {
	h.broken = append(h.broken, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}
