package tfstate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// naive is a state as encoding/json sees it, which is what Terraform and
// OpenTofu use.
type naive struct {
	Version   *uint64 `json:"version"`
	Serial    uint64  `json:"serial"`
	Lineage   string  `json:"lineage"`
	Resources []struct {
		Mode      string            `json:"mode"`
		Type      string            `json:"type"`
		Instances []json.RawMessage `json:"instances"`
	} `json:"resources"`
	Outputs           map[string]json.RawMessage `json:"outputs"`
	EncryptedData     json.RawMessage            `json:"encrypted_data"`
	EncryptionVersion json.RawMessage            `json:"encryption_version"`
}

func (n naive) managed() int {
	count := 0
	for _, r := range n.Resources {
		if r.Mode != "data" {
			count += len(r.Instances)
		}
	}
	return count
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*.tfstate")
	if err != nil || len(files) == 0 {
		f.Fatalf("no sample states: %v", err)
	}
	for _, file := range files {
		state, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(state)
	}
	for _, state := range []string{
		"", "{}", "[]", "null", "4", `{"version":4,"resources":[]}`, `{"version":3,"modules":[]}`,
		`{"version":4,"resources":[{"mode":"managed","instances":[{}]}],"resources":[]}`,
		`{"version":4,"resources":[],"RESOURCES":[{"mode":"managed","instances":[{}]}]}`,
		`{"version":4,"resources":[],"output` + "\u017f" + `":{"a":{}}}`,
		`{"version":4,"re\u0073ources":[{"Mode":"managed","instances":[1]}],"resources":[]}`,
		`{"version":4,"resources":[],"serial":1e9999,"encryption_version":"v0"}`,
		"{\"version\":4,\"resources\":[],\"\xff\":\"\xff\"}",
	} {
		f.Add([]byte(state))
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		got, err := tfstate.Read(bytes.NewReader(state))
		if err != nil {
			t.Fatalf("a reader that does not fail gives %v", err)
		}
		checkAgainstNaive(t, state, got)

		pieces, err := tfstate.Read(iotest.OneByteReader(bytes.NewReader(state)))
		if diff := cmp.Diff(got, pieces); err != nil || diff != "" {
			t.Errorf("in single bytes: error %v, (-whole +pieces):\n%s", err, diff)
		}
		probed, err := tfstate.Probe(bytes.NewReader(state))
		if err != nil || (probed.Condition == tfstate.Empty) != (got.Condition == tfstate.Empty) {
			t.Errorf("Probe says %v (%v), Read says %v", probed.Condition, err, got.Condition)
		}
		types := got.OtherTypes
		for _, kind := range got.Types {
			types += kind.Count
		}
		if types != got.Managed {
			t.Errorf("there are %d managed objects and %d of all types", got.Managed, types)
		}
		if (got.Why != "") != (got.Condition == tfstate.Unreadable) || len(got.Why) > 200 || !utf8.ValidString(got.Why) {
			t.Errorf("%v says why: %q", got.Condition, got.Why)
		}
	})
}

// checkAgainstNaive checks that a state which is readable is one for
// encoding/json, too, with the same content.
func checkAgainstNaive(t rapid.TB, state []byte, got tfstate.Summary) {
	t.Helper()
	if got.Condition == tfstate.Unreadable {
		return
	}
	var want naive
	err := json.Unmarshal(state, &want)
	encrypted := want.EncryptedData != nil || want.EncryptionVersion != nil
	switch {
	case err != nil:
		t.Fatalf("it is %v, and encoding/json says %v", got.Condition, err)
	case (got.Condition == tfstate.Encrypted) != encrypted:
		t.Errorf("it is %v, and encrypted is %v", got.Condition, encrypted)
	case got.Managed != want.managed() || got.Outputs < len(want.Outputs) || (got.Outputs > 0) != (len(want.Outputs) > 0):
		t.Errorf("it has %d managed objects and %d outputs, want %d and %d", got.Managed, got.Outputs, want.managed(), len(want.Outputs))
	case got.Serial != want.Serial || got.Lineage != want.Lineage:
		t.Errorf("serial and lineage are %d and %q, want %d and %q", got.Serial, got.Lineage, want.Serial, want.Lineage)
	case !encrypted && (want.Version == nil || *want.Version != 4 || want.Resources == nil):
		t.Errorf("it is %v without being of version 4 or having resources", got.Condition)
	}
	if got.Condition == tfstate.Empty && (want.managed() > 0 || len(want.Outputs) > 0 || encrypted) {
		t.Errorf("it is said to be empty and is not")
	}
}

// FuzzReadTakesExactlyJSON holds the reader of values to the judgement of
// encoding/json, in both directions.
func FuzzReadTakesExactlyJSON(f *testing.F) {
	for _, value := range []string{
		"", "0", "-0", "01", "-", "1.", ".5", "1e", "1e+", "1E-09", "1.5e3", "true", "truth", "nul", "null ", "[]", "[,]", "[1,]", "[1 2]",
		"{}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1 "b":2}`, `{1:2}`, `"`, `"\"`, `"\u12"`, `"\u12G4"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\/\b\f\n\r\t\\"`,
		"\"\n\"", "\"\x7f\"", "\"\xff\"", "\"\xe2\x82\"", "\"\xed\xa0\x80\"", "\"€𝄞\"", "\u00a01", "\ufeff1", "1\x00", "//", "[[[[]]]]", "[[[[]]]", "[}", "{]", `{"a":1]`, `["a"}`,
	} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if bytes.Count(value, []byte("["))+bytes.Count(value, []byte("{")) > 900 {
			return // the bound of the depth has its own test
		}
		state := `{"version":4,"resources":[],"check_results":[` + string(value) + `]}`
		got := read(t, state)
		switch valid := json.Valid([]byte(state)) && utf8.ValidString(state); {
		case !valid && (got.Condition != tfstate.Unreadable || !strings.Contains(got.Why, "not valid JSON")):
			t.Errorf("it is not JSON, and said to be %v (%q)", got.Condition, got.Why)
		case valid && strings.Contains(got.Why, "not valid JSON"):
			t.Errorf("it is JSON, and said not to be: %s", got.Why)
		case json.Valid(value) && utf8.Valid(value) && got.Condition != tfstate.Empty:
			t.Errorf("it is an empty state, and said to be %v (%s)", got.Condition, got.Why)
		}
	})
}
