//go:build !race

package backend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// nestedRows is a lock table of rows of 400 KB, each with a list of some value. One row of an answer is a client's.
type nestedRows struct {
	attribute string // that has the list
	element   string
	size      int    // bytes that DynamoDB counts for it
	honest    string // name of the client's row
}

// row writes a row in pieces: what it takes here is not what is measured.
func (n nestedRows) row(w io.Writer, name string) {
	if name == n.honest {
		_, _ = fmt.Fprintf(w, `{"LockID":{"S":%q},"Digest":{"S":"d41d8cd98f00b204e9800998ecf8427e"},"Info":{"S":"{\"ID\":\"honest\"}"}}`, name)
		return
	}
	const thousand = 1000
	some := []byte(strings.Repeat(","+n.element, thousand))
	_, _ = fmt.Fprintf(w, `{"LockID":{"S":%q},%q:{"L":[%s`, name, n.attribute, n.element)
	for range 399_000 / n.size / thousand {
		_, _ = w.Write(some)
	}
	_, _ = io.WriteString(w, "]}}")
}

// ServeHTTP answers as DynamoDB does, with at most 16 MB of rows by name and at most 1 MB of a scan.
func (n nestedRows) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	type keys struct {
		Keys []map[string]map[string]string
	}
	var ask struct {
		RequestItems map[string]keys
		Key          map[string]map[string]string
	}
	_ = json.NewDecoder(r.Body).Decode(&ask)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	var answer bytes.Buffer
	switch _, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); call {
	case "BatchGetItem":
		for table, read := range ask.RequestItems {
			n.named(w, table, read.Keys)
		}
		return
	case "GetItem":
		_, _ = answer.WriteString(`{"Item":`)
		n.row(&answer, ask.Key["LockID"]["S"])
	case "Scan":
		_, _ = answer.WriteString(`{"Items":[`)
		for i, name := range []string{"states/dev/1", n.honest, "states/dev/2"} {
			_, _ = answer.WriteString(","[:min(i, 1)])
			n.row(&answer, name)
		}
		_, _ = answer.WriteString("]")
	}
	_, _ = answer.WriteString("}")
	w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(answer.Bytes())), 10))
	_, _ = answer.WriteTo(w)
}

func (n nestedRows) named(w io.Writer, table string, names []map[string]map[string]string) {
	const most = 41
	unread := map[string]any{}
	if len(names) > most {
		unread[table] = map[string]any{"Keys": names[most:]}
	}
	rest, _ := json.Marshal(unread)
	_, _ = fmt.Fprintf(w, `{"UnprocessedKeys":%s,"Responses":{%q:[`, rest, table)
	for i, name := range names[:min(most, len(names))] {
		_, _ = io.WriteString(w, ","[:min(i, 1)])
		n.row(w, name["LockID"]["S"])
	}
	_, _ = io.WriteString(w, "]}}")
}

// Whoever may write the rows of one prefix can make 400 KB take 40 MB of a function's memory. A prune reads a hundred digests at once,
// of which each row may be one of those: it died of them in every run, with locks of its own on states of others.
func TestRowsOfManyValuesTakeNoMemory(t *testing.T) {
	var paths []tflock.Path
	for i := range 99 {
		paths = append(paths, tflock.NewPath("states", fmt.Sprintf("branches/dev/%d", i)))
	}
	paths = append(paths, "states/branches/prod")
	for _, n := range []nestedRows{
		{"Digest", `{"S":""}`, 1, "states/branches/prod-md5"},
		{"Digest", `{"NULL":true}`, 2, "states/branches/prod-md5"},
		{"Other", `{"M":{}}`, 4, "states/branches/prod-md5"},
	} {
		t.Run(n.attribute+n.element, func(t *testing.T) {
			table := tableAt(t, n)
			var digests map[tflock.Path]string
			var err error
			if most := memoryOf(func() { digests, err = table.Digests(t.Context(), paths) }); err != nil || digests["states/branches/prod"] == "" || len(digests) != 1 || most > 200<<20 {
				t.Errorf("%d MB, %v, %q: a prune has 512 MB for all that it does", most>>20, err, digests)
			}
		})
	}
	for _, n := range []nestedRows{{"Info", `{"S":""}`, 1, "states/prod"}, {"Info", `{"M":{"a":{"L":[]}}}`, 9, "states/prod"}} {
		t.Run(n.attribute+n.element, func(t *testing.T) {
			table := tableAt(t, n)
			var seen []string
			memoryOf(func() {
				for h, err := range table.Holdings(t.Context()) {
					seen = append(seen, fmt.Sprint(h.Path, " ", h.Info.ID, " ", h.Err != nil, " ", err))
				}
			})
			if got := strings.Join(seen, ", "); got != "states/dev/1  true <nil>, states/prod honest false <nil>, states/dev/2  true <nil>" {
				t.Error(got)
			}
			h, found, err := table.Find(t.Context(), "states/dev/1")
			if !found || h.Err == nil || err != nil {
				t.Errorf("%v %v %v: a row that is not a lock has to be seen as that", found, h.Err, err)
			}
		})
	}
}

func tableAt(t *testing.T, answers http.Handler) *backend.Table {
	t.Helper()
	s := httptest.NewServer(answers)
	t.Cleanup(s.Close)
	cfg := server.Config()
	cfg.BaseEndpoint = aws.String(s.URL)
	set, err := backend.Open(cfg, []string{"arn:aws:dynamodb:eu-central-1:123456789012:table/locks"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return set.Tables[0]
}

// memoryOf is the most memory that some work took, while the collector does what it can.
func memoryOf(work func()) (most uint64) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(100 << 20))
	debug.FreeOSMemory()
	stop, ended := make(chan bool), make(chan bool)
	go func() {
		defer close(ended)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	work()
	close(stop)
	<-ended
	return most
}
