package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// doors are the ways to one AWS, one for each party. Changes pass one at a time, so that
// the history is the true one.
type doors struct {
	upstream      *url.URL
	bucket, table string

	mu      sync.Mutex
	history *history

	// noticed is called for every lock object that a party created or removed. It may be nil.
	noticed func(p *party, r *http.Request, answer http.Header)
}

// door is the endpoint of one party.
type door struct {
	*doors
	party *party
	clock time.Duration // how far the party's clock is ahead
	proxy http.Handler
}

// open returns the endpoint of a party, whose clock is so far ahead.
func (d *doors) open(p *party, clock time.Duration) (endpoint string, stop func(), err error) {
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(d.upstream) },
		Transport: &http.Transport{DisableKeepAlives: true}, // moto closes idle connections without a word
		// A client that is killed in the middle of a call is expected.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	return local.Serve(&door{d, p, clock, proxy})
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if d.clock != 0 && (r.Method == http.MethodPut || strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem")) {
		body = shifted(body, d.clock)
		sumAnew(r.Header, body)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if d.unencrypted(r) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>with an explicit deny in a resource-based policy</Message></Error>") // its reader may be gone
		return
	}
	d.notesScan(r.Header.Get("X-Amz-Target"), body)
	c, e := d.parse(r, body)
	if c == nil && e == nil {
		d.proxy.ServeHTTP(w, r)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	answer := &observer{ResponseWriter: w}
	d.proxy.ServeHTTP(answer, r.WithContext(context.WithoutCancel(r.Context()))) // a client that is killed meanwhile hides nothing
	switch {
	case answer.status >= http.StatusMultipleChoices:
	case e != nil:
		d.history.said(d.party, *e)
	default:
		d.history.record(d.party, *c)
		if d.noticed != nil && c.what == lockChange && c.at.store == inBucket {
			d.noticed(d.party, r, answer.Header())
		}
	}
}

// notesScan notes when a monitor's scan begins, and when it counts an invocation. It begins
// with its first query, of what was planned before, and not with its process: on a busy machine
// a second is between the two.
func (d *door) notesScan(target string, body []byte) {
	if !d.party.lockwarden {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if strings.HasSuffix(target, ".Query") && !d.party.reading {
		d.party.reading, d.party.from = true, d.history.moment
	}
	if strings.HasSuffix(target, ".UpdateItem") && bytes.Contains(body, []byte(`"brake"`)) {
		d.party.claiming = true
	}
}

// unencrypted reports whether the bucket refuses a request: its policy demands that whoever
// writes names an encryption.
func (d *doors) unencrypted(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/"+d.bucket+"/") && r.Header.Get("X-Amz-Server-Side-Encryption") == ""
}

var createdAt = regexp.MustCompile(`Created(?:\\?":\\?")([0-9T:.-]+Z)`)

// shifted is a lock as a client writes it whose clock is that much ahead.
func shifted(body []byte, by time.Duration) []byte {
	at := createdAt.FindSubmatchIndex(body)
	if at == nil {
		return body
	}
	created, err := time.Parse(time.RFC3339Nano, string(body[at[2]:at[3]]))
	if err != nil {
		return body
	}
	digits := len(body[at[2]:at[3]]) - len("2006-01-02T15:04:05.Z")
	layout := "2006-01-02T15:04:05Z"
	if digits > 0 { // as long as before, for the length was announced
		layout = "2006-01-02T15:04:05." + strings.Repeat("0", digits) + "Z"
	}
	copy(body[at[2]:at[3]], created.Add(by).Format(layout))
	return body
}

// sumAnew sets the checksum that a client sent of what it wrote: S3 gives it back with the
// object, and the client compares.
func sumAnew(h http.Header, body []byte) {
	if h.Get("X-Amz-Checksum-Sha256") != "" {
		sum := sha256.Sum256(body)
		h.Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(sum[:]))
	}
	if h.Get("X-Amz-Checksum-Crc32") != "" {
		h.Set("X-Amz-Checksum-Crc32", base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body))))
	}
}

type observer struct {
	http.ResponseWriter
	status int
}

func (o *observer) WriteHeader(status int) {
	o.status = status
	o.ResponseWriter.WriteHeader(status)
}

// parse returns what a request changes, or the event that it publishes. Both are nil for one
// that does neither.
func (d *doors) parse(r *http.Request, body []byte) (*change, *alert.Event) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	target := r.Header.Get("X-Amz-Target")
	switch {
	case strings.HasPrefix(path, d.bucket+"/") && (r.Method == http.MethodPut || r.Method == http.MethodDelete):
		c := change{what: stateChange, at: place{name: path}, body: string(body)}
		if state, isLock := strings.CutSuffix(path, tflock.Suffix); isLock {
			c.what, c.at = lockChange, place{inBucket, state}
		}
		return &c, nil
	case strings.HasSuffix(target, ".PutItem"), strings.HasSuffix(target, ".DeleteItem"):
		return d.parseRow(body), nil
	}
	return nil, eventOf(body)
}

// eventOf is what a request publishes, or nil.
func eventOf(body []byte) *alert.Event {
	if !bytes.Contains(body, []byte("Action=Publish&")) {
		return nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil
	}
	return eventIn(form.Get("Message"))
}

// eventIn is what a message to the topic says, or nil.
func eventIn(message string) *alert.Event {
	// Its texts are in the order of their protocols, and the first is that for machines: the
	// others need not be read.
	texts := json.NewDecoder(strings.NewReader(message))
	var first [3]json.Token
	for i := range first {
		var err error
		if first[i], err = texts.Token(); err != nil {
			return nil
		}
	}
	text, is := first[2].(string)
	var e alert.Event
	if !is || first[1] != "default" || json.Unmarshal([]byte(text), &e) != nil {
		return nil
	}
	return &e
}

// parseRow returns what a PutItem or DeleteItem changes in the lock table. A row that is
// deleted by a name that ends in -md5 is a digest: no state of the race is called so.
func (d *doors) parseRow(body []byte) *change {
	var row struct {
		TableName string
		Item, Key struct {
			LockID, Info, Digest struct{ S string }
		}
	}
	if json.Unmarshal(body, &row) != nil || row.TableName != d.table {
		return nil
	}
	name, isDigest := strings.CutSuffix(row.Item.LockID.S+row.Key.LockID.S, "-md5")
	if isDigest {
		return &change{digestChange, place{inTable, name}, row.Item.Digest.S}
	}
	return &change{lockChange, place{inTable, name}, row.Item.Info.S}
}
