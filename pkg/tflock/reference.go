package tflock

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Reference is what a person names a lock by.
type Reference struct {
	ID   string // never empty
	Path string // bucket/key of the state, when the text said it; else empty
}

// The ways in which a text names no single lock.
var (
	ErrNoReference = errors.New("no lock ID in the text: give the ID alone, or paste the whole error from Terraform with its \"Lock Info:\" block")
	ErrTwoLocks    = errors.New("the text names more than one lock: paste one \"Lock Info:\" block, or give one ID alone")
)

// maxIDLength bounds a lone ID. Clients write 36 characters; this leaves room for
// other tools that take the same locks.
const maxIDLength = 1024

var (
	ansiCode = pattern(`\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))`)
	// A pasted line may carry the frame that the client draws, a quote mark, or the
	// timestamp of a CI log before the label.
	idLine     = pattern(`^(?:.*[\s│|>])?ID:\s+(\S+)\s*$`)
	pathLine   = pattern(`^(?:.*[\s│|>])?Path:\s+(\S.*?)\s*$`)
	bareIDLine = pattern(`^[\s│|>]*ID:\s+(\S+)\s*$`)
	blockLine  = pattern(`(?m)(?:^|[\s│|>])Lock Info:\s*$`)
)

// pattern compiles when it is first asked for: most functions start without ever
// reading a pasted text.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

// ParseReference reads what a person gives to name a lock: its ID alone, the whole
// error text of Terraform or OpenTofu (with ANSI codes and the frame of "│"), or
// the lock's JSON. Errors are ErrNoReference and ErrTwoLocks; they never quote the
// text.
func ParseReference(text string) (Reference, error) {
	text = strings.TrimSpace(ansiCode().ReplaceAllString(text, ""))
	if strings.HasPrefix(text, "{") {
		info, err := ParseInfo([]byte(text))
		if err != nil {
			return Reference{}, fmt.Errorf("%w (%w)", ErrNoReference, err)
		}
		return Reference{ID: info.ID, Path: info.Path}, nil
	}
	if text != "" && len(text) <= maxIDLength && !strings.ContainsFunc(text, isSeparator) {
		return Reference{ID: text}, nil
	}
	return parseBlocks(text)
}

// isSeparator finds the characters that part words, and control characters, so
// that only a lone word counts as an ID by itself.
func isSeparator(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xa0 || r == '│' }

// parseBlocks takes the first ID and Path of each block: they stand before Who
// and Info, in which anybody can write lines that look like others. A text
// without a heading is one block, in which the label must begin the line.
func parseBlocks(text string) (Reference, error) {
	id, blocks := idLine(), []Reference(nil)
	if !blockLine().MatchString(text) {
		id, blocks = bareIDLine(), []Reference{{}}
	}
	for line := range strings.Lines(strings.ReplaceAll(text, "\r", "\n")) {
		line = strings.TrimRight(line, "\n")
		if blockLine().MatchString(line) {
			blocks = append(blocks, Reference{})
			continue
		}
		if len(blocks) == 0 {
			continue
		}
		ref := &blocks[len(blocks)-1]
		if m := id.FindStringSubmatch(line); m != nil && ref.ID == "" {
			ref.ID = m[1]
		} else if m := pathLine().FindStringSubmatch(line); m != nil && ref.ID != "" && ref.Path == "" {
			ref.Path = m[1]
		}
	}
	return oneOf(blocks)
}

// oneOf gives the lock that all blocks name: a client that retries prints the same
// block again. Where their paths differ the ID alone is kept.
func oneOf(blocks []Reference) (Reference, error) {
	var one Reference
	for _, ref := range blocks {
		switch {
		case ref.ID == "" || len(ref.ID) > maxIDLength:
		case one.ID == "":
			one = ref
		case one.ID != ref.ID:
			return Reference{}, ErrTwoLocks
		case one.Path != ref.Path:
			one.Path = ""
		}
	}
	if one.ID == "" {
		return Reference{}, ErrNoReference
	}
	return one, nil
}
