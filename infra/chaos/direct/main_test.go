package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The SDK that go.mod names can be built so: the whole of it is built by `make chaos`.
func TestWrite(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := write(folder); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range services {
		if !strings.Contains(string(text), "/service/"+service+" => "+filepath.Join(folder, service)) {
			t.Errorf("go.mod does not name the copy of %s", service)
		}
	}
}
