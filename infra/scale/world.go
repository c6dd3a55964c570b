package scale

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Region and Account are where everything is.
const (
	Region  = "eu-central-1"
	Account = "123456789012"
)

// World is one AWS.
type World struct {
	Tables  map[string]*Table
	Buckets map[string]*Bucket
	// Latency is how long each call takes at least.
	Latency time.Duration
	// ReadAtOnce is how many rows of a BatchGetItem are read; 0: all.
	ReadAtOnce int

	mu       sync.Mutex // of everything that calls change
	calls    map[string]int
	repeated int
	most     int // calls at once
	now      int
}

// TableARN and BucketARN name what a world has.
func TableARN(name string) string {
	return fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s", Region, Account, name)
}

// BucketARN names a bucket.
func BucketARN(name string) string { return "arn:aws:s3:::" + name }

// Calls are how often each API was called since the last Reset, by names such as "Scan"
// and "ListObjectsV2". Calls that an SDK repeated are counted once.
func (w *World) Calls() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := make(map[string]int, len(w.calls))
	for name, n := range w.calls {
		calls[name] = n
	}
	return calls
}

// AtOnce is the highest number of calls that were under way at the same time.
func (w *World) AtOnce() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.most
}

// Repeated is how many calls the SDKs repeated since the last Reset.
func (w *World) Repeated() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.repeated
}

// Reset forgets the calls.
func (w *World) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls, w.repeated, w.most = nil, 0, 0
}

// Serve answers on a free port of this machine until stop is called.
func (w *World) Serve() (endpoint string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener) //nolint:errcheck // Close ends it
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}

// Config is for clients of a world by that way to it.
func Config(client aws.HTTPClient) aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: aws.String("http://127.0.0.1:1"), HTTPClient: client,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
}

// Online serves until a test ends, and is for clients that connect.
func (w *World) Online(t interface {
	Helper()
	Fatal(args ...any)
	Cleanup(f func())
},
) aws.Config {
	t.Helper()
	endpoint, stop, err := w.Serve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	cfg := Config(nil)
	cfg.BaseEndpoint = &endpoint
	return cfg
}

// Direct is the HTTP client of an SDK that calls a world in the same process without a
// connection.
type Direct struct{ World *World }

// Do answers one call.
func (d Direct) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	d.World.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// ServeHTTP answers one call.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	began := time.Now()
	w.enter()
	defer w.leave()
	a := w.answer(r)
	time.Sleep(w.Latency - time.Since(began))
	for name, value := range a.header {
		rw.Header().Set(name, value)
	}
	rw.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = rw.Write(a.body)
	}
}

func (w *World) enter() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now++
	w.most = max(w.most, w.now)
}

func (w *World) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now--
}

// count leaves out what an SDK repeats, and counts that by itself: its HTTP client loses
// an answer now and then that comes as soon as it is asked for, or when the process starves.
func (w *World) count(r *http.Request, call string) {
	if attempt := r.Header.Get("Amz-Sdk-Request"); attempt != "" && !strings.HasPrefix(attempt, "attempt=1") {
		w.repeated++
		return
	}
	if w.calls == nil {
		w.calls = map[string]int{}
	}
	w.calls[call]++
}
