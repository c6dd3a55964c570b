package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// maxHeld bounds the bytes of a lock on record, as JSON writes them.
const maxHeld = 300 << 10

// Bytes are what a lock's holdings said, with the stores (ARNs) that said so: both
// halves of a lock are alike, and a row of the ledger has 400 KB for all.
type Bytes struct {
	Stores []string `json:"stores"`
	Raw    string   `json:"raw"`              // as much of it as fits
	Binary []byte   `json:"binary,omitempty"` // in place of Raw, where that is not UTF-8
	Size   int      `json:"size"`             // of all the bytes
	SHA256 string   `json:"sha256"`           // of all the bytes, in hex
}

// NewBytes records what the holdings in these stores said.
func NewBytes(raw string, stores ...string) Bytes {
	sum := sha256.Sum256([]byte(raw))
	b := Bytes{Stores: stores, Raw: raw, Size: len(raw), SHA256: hex.EncodeToString(sum[:])}
	if !utf8.ValidString(raw) {
		b.Raw, b.Binary = "", []byte(raw)
	}
	return b
}

// Is reports whether these are the bytes on record.
func (b Bytes) Is(raw string) bool {
	sum := sha256.Sum256([]byte(raw))
	return b.Size == len(raw) && b.SHA256 == hex.EncodeToString(sum[:])
}

// size is how much of the record the bytes take.
func (b Bytes) size() int {
	raw, _ := json.Marshal(b.Raw) // a string always marshals
	return len(raw) + (len(b.Binary)+2)/3*4
}

// within cuts the bytes to what has room. Their hash stays that of all.
func (b Bytes) within(room int) Bytes {
	if b.size() <= room {
		return b
	}
	const most = 6 // bytes that JSON takes for one
	b.Raw = cut(b.Raw, max(0, room)/most)
	b.Binary = b.Binary[:min(len(b.Binary), max(0, room)/most)]
	return b
}

// cut returns the first bytes of a text, to the border of a character.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}
