package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

func pageFile() string { return filepath.Join(local.Root(), "docs", "engines.md") }

// What a whole run writes into docs/engines.md is between such lines.
const (
	probesBegin = "<!-- Written by `make engines WRITE=1`: what the probe says. -->\n"
	cellsBegin  = "<!-- Written by `make engines WRITE=1`: every cell. -->\n"
	end         = "<!-- end -->\n"
)

// written returns what is between a line and the next end, and what is around it.
func written(page, begin string) (before, text, after string, err error) {
	before, rest, found := strings.Cut(page, begin)
	text, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", "", "", fmt.Errorf("docs/engines.md has no place for what begins with %q", begin)
	}
	return before + begin, text, end + after, nil
}

// writePage puts the tables of a run into docs/engines.md.
func writePage(now time.Time, stores, lived *matrix, said []string) error {
	content, err := os.ReadFile(pageFile())
	if err != nil {
		return err
	}
	page := string(content)
	for begin, text := range map[string]string{probesBegin: probeTable(said), cellsBegin: cells(now, stores, lived)} {
		before, _, after, err := written(page, begin)
		if err != nil {
			return err
		}
		page = before + text + after
	}
	return os.WriteFile(pageFile(), []byte(page), 0o600) // which keeps the mode that it has
}

// cells are both matrices, under the day of their run.
func cells(now time.Time, stores, lived *matrix) string {
	return "The whole run of " + now.UTC().Format("2 January 2006, 15:04") + " UTC. – is a store that the engine has not.\n\n" + stores.markdown() + "\n" + lived.markdown()
}
