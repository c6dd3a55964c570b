package prune_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// fatDigests is the local AWS, where each digest of a name with two slashes fills its row.
type fatDigests struct{ *local.Wire }

func (f fatDigests) Do(r *http.Request) (*http.Response, error) {
	var ask struct {
		TableName string
		Key       map[string]map[string]string
	}
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetItem") {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = json.Unmarshal(body, &ask)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	name := ask.Key["LockID"]["S"]
	if !strings.Contains(name, "//") || !strings.HasSuffix(name, "-md5") || strings.HasSuffix(ask.TableName, "-other") {
		return f.Wire.Do(r)
	}
	row := fmt.Sprintf(`{"Item":{"LockID":{"S":%q},"Digest":{"S":"%s"}}}`, name, strings.Repeat("x", 399_000))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(row)), ContentLength: int64(len(row)), Request: r}, nil
}

// A state may have twenty other names, each with a digest of 400 KB. Prune looks at 32 states at once, and needs none of those that are
// not the state's: it held 270 MB of them.
func TestDigestsOfManyNamesTakeNoMemory(t *testing.T) {
	w := newWorld(t)
	client := dynamodb.NewFromConfig(server.Config())
	const states, names = 32, 20
	for i := range states {
		key := fmt.Sprintf("branches/dev/%02d.tfstate", i)
		w.stale(key, local.State(t, "destroyed"))
		var rows []types.WriteRequest
		for n := range names {
			name := string(w.Path(strings.Replace(key, "dev/", "dev"+strings.Repeat("/", n+2), 1))) + "-md5"
			rows = append(rows, types.WriteRequest{PutRequest: &types.PutRequest{Item: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: name}, "Digest": &types.AttributeValueMemberS{Value: "x"}}}})
		}
		if _, err := client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{w.TableARN: rows}}); err != nil {
			t.Fatal(err)
		}
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(50 << 20))
	var most uint64
	wire := fatDigests{&local.Wire{}}
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
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	cfg := server.ConfigOver(wire.Wire)
	cfg.HTTPClient = wire
	report, err := w.pruner(cfg).Run(t.Context(), prune.Request{}, "request")
	close(stop)
	<-ended
	if err != nil || len(report.Kept) != states || most > 150<<20 {
		t.Errorf("%d MB, %d kept, %v", most>>20, len(report.Kept), err)
	}
}
