//go:build !race

package backend_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// wideRows is a lock table of rows of 400 KB, each with as many attributes as fit. One row of an answer is a client's.
type wideRows struct {
	wide   string // the attributes
	honest string // name of the client's row
}

// newWideRows takes names of three characters and empty texts: DynamoDB counts three bytes for each.
func newWideRows(honest string) wideRows {
	var all strings.Builder
	for i := range 130_000 {
		_, _ = fmt.Fprintf(&all, `,"%c%c%c":{"S":""}`, '#'+i%57, '#'+i/57%57, '#'+i/57/57%57)
	}
	return wideRows{strings.ReplaceAll(all.String(), `\`, "~"), honest}
}

func (n wideRows) row(w io.Writer, name, projection string) {
	if name == n.honest {
		_, _ = fmt.Fprintf(w, `{"LockID":{"S":%q},"Digest":{"S":"d41d8cd98f00b204e9800998ecf8427e"},"Info":{"S":"{\"ID\":\"honest\"}"}}`, name)
		return
	}
	_, _ = fmt.Fprintf(w, `{"LockID":{"S":%q}`, name)
	if projection == "" {
		_, _ = io.WriteString(w, n.wide)
	}
	_, _ = io.WriteString(w, `,"Digest":{"S":"attacker"}}`)
}

// ServeHTTP answers as DynamoDB does, with at most 16 MB of rows by name.
func (n wideRows) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	type keys struct {
		Keys                     []map[string]map[string]string
		ProjectionExpression     string
		ExpressionAttributeNames map[string]string
	}
	var ask struct {
		RequestItems                                              map[string]keys
		Key, Item                                                 map[string]map[string]string
		ProjectionExpression, ReturnValuesOnConditionCheckFailure string
	}
	_ = json.NewDecoder(r.Body).Decode(&ask)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	switch _, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); call {
	case "BatchGetItem":
		const most = 41
		for table, read := range ask.RequestItems {
			unread := map[string]keys{}
			if len(read.Keys) > most {
				unread[table] = keys{read.Keys[most:], read.ProjectionExpression, read.ExpressionAttributeNames}
			}
			rest, _ := json.Marshal(unread)
			_, _ = fmt.Fprintf(w, `{"UnprocessedKeys":%s,"Responses":{%q:[`, rest, table)
			for i, name := range read.Keys[:min(most, len(read.Keys))] {
				_, _ = io.WriteString(w, ","[:min(i, 1)])
				n.row(w, name["LockID"]["S"], read.ProjectionExpression)
			}
			_, _ = io.WriteString(w, "]}}")
		}
	case "GetItem":
		_, _ = io.WriteString(w, `{"Item":`)
		n.row(w, ask.Key["LockID"]["S"], ask.ProjectionExpression)
		_, _ = io.WriteString(w, "}")
	case "PutItem":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed"`)
		if ask.ReturnValuesOnConditionCheckFailure != "" {
			_, _ = io.WriteString(w, `,"Item":`)
			n.row(w, ask.Item["LockID"]["S"], "")
		}
		_, _ = io.WriteString(w, "}")
	}
}

// A row may have any number of attributes. Those of 400 KB take some 40 MB once they are decoded, and a prune reads a hundred digests at
// once: it died of them as of values in values.
func TestRowsOfManyAttributesTakeNoMemory(t *testing.T) {
	const most = 200 << 20
	var paths []tflock.Path
	for i := range 99 {
		paths = append(paths, tflock.NewPath("states", fmt.Sprintf("branches/dev/%d", i)))
	}
	table := tableAt(t, newWideRows("states/branches/prod-md5"))
	var digests map[tflock.Path]string
	var err error
	took := memoryOf(func() { digests, err = table.Digests(t.Context(), append(paths, "states/branches/prod")) })
	if took > most || err != nil || len(digests) != 100 || digests["states/branches/prod"] != "d41d8cd98f00b204e9800998ecf8427e" || digests[paths[0]] != "attacker" {
		t.Errorf("%d MB, %v, %d digests: a prune has 512 MB for all that it does", took>>20, err, len(digests))
	}
	took = memoryOf(func() { _, err = table.Acquire(t.Context(), "states/branches/dev/1", []byte("{}")) })
	if took > 20<<20 || err == nil {
		t.Errorf("%d MB, %v: a prune takes 32 locks at once", took>>20, err)
	}
}
