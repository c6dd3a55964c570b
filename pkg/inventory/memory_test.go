package inventory_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"testing"

	"github.com/lockwarden/lockwarden/infra/scale"
	"github.com/lockwarden/lockwarden/pkg/backend"
)

const fileMemory = "memory/states.ndjson.gz"

// asOfBefore writes the memory as it was written before records had lines of their own.
func (a *account) asOfBefore() {
	a.Helper()
	body, err := a.inventory.Files.Read(a.Context(), fileMemory)
	if err != nil {
		a.Fatal(err)
	}
	plain, err := gzip.NewReader(body)
	if err != nil {
		a.Fatal(err)
	}
	var head struct {
		Version  int               `json:"version"`
		Check    []byte            `json:"check"`
		Naming   int               `json:"naming"`
		Findings int               `json:"findings,omitempty"`
		Records  []json.RawMessage `json:"records"`
	}
	in := json.NewDecoder(plain)
	if err := in.Decode(&head); err != nil || head.Findings == 0 {
		a.Fatalf("%d findings, %v", head.Findings, err)
	}
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	lines := json.NewEncoder(packed)
	for ; head.Findings > 0; head.Findings-- {
		var record json.RawMessage
		if err := in.Decode(&record); err != nil {
			a.Fatal(err)
		}
		head.Records = append(head.Records, record)
	}
	head.Version = 1
	if err := lines.Encode(head); err != nil {
		a.Fatal(err)
	}
	for in.More() {
		var state json.RawMessage
		if err := in.Decode(&state); err != nil {
			a.Fatal(err)
		}
		if err := lines.Encode(state); err != nil {
			a.Fatal(err)
		}
	}
	if err := packed.Close(); err != nil {
		a.Fatal(err)
	}
	if _, err := a.inventory.Files.Replace(a.Context(), fileMemory, body.ETag, backend.File{Content: out.Bytes(), Type: "application/gzip"}); err != nil {
		a.Fatal(err)
	}
}

// Whoever updates keeps what earlier inventories found, and is not notified of it again.
func TestTheMemoryOfAnOlderVersionIsRead(t *testing.T) {
	t.Parallel()
	a := newAccount(t, 3, 2)
	a.world.Tables["locks"].Put(scale.Digest("states/gone.tfstate", "another"))
	first, calls := a.run()
	if len(first.Findings) != 1 || calls["Publish"] != 1 {
		t.Fatalf("%+v, %v", first, calls)
	}
	a.asOfBefore()
	again, calls := a.run()
	if len(again.Findings) != 1 || !again.Findings[0].Since.Equal(first.Findings[0].Since) || again.Read != 0 || calls["Publish"] != 0 {
		t.Errorf("%+v, %v", again, calls)
	}
}
