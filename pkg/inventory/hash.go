package inventory

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash"
	"slices"

	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

const keySize = 32

// secret is the key of the hashes: without it a name that somebody guesses, such as an
// ARN, could be looked for in the memory.
type secret struct{ key []byte }

func (s secret) check() []byte { return s.of("check", "lockwarden inventory") }

// of is the keyed hash of a text. Kinds keep hashes of different things apart.
func (s secret) of(kind, text string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(kind))
	mac.Write([]byte{0})
	mac.Write([]byte(text))
	return mac.Sum(nil)[:16]
}

// hashes are keyed hashes, sorted, each once. Their JSON is base64.
type hashes []uint64

// size of a hash in the memory, in bytes. Two of ten million names have the same one with a
// probability of one to 400,000; a duplicate is looked at again before it is reported.
const size = 8

// MarshalJSON returns the hashes in base64.
func (h hashes) MarshalJSON() ([]byte, error) {
	raw := make([]byte, 0, size*len(h))
	for _, n := range h {
		raw = binary.BigEndian.AppendUint64(raw, n)
	}
	return json.Marshal(raw)
}

// UnmarshalJSON reads what MarshalJSON gives.
func (h *hashes) UnmarshalJSON(text []byte) error {
	var raw []byte
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	if len(raw)%size != 0 {
		return base64.CorruptInputError(len(raw))
	}
	*h = make(hashes, 0, len(raw)/size)
	for ; len(raw) > 0; raw = raw[size:] {
		*h = append(*h, binary.BigEndian.Uint64(raw))
	}
	if !slices.IsSorted(*h) {
		return errors.New("its hashes are not sorted")
	}
	return nil
}

// namer hashes the names of objects, of one state after the other.
type namer struct {
	mac         hash.Hash
	length, sum []byte
}

func newNamer(s secret) *namer { return &namer{mac: hmac.New(sha256.New, s.key)} }

// of hashes what makes an object the same in two states. It is false where that is not known.
func (n *namer) of(o tfstate.Object) (uint64, bool) {
	var parts [4][]byte
	switch namingOf(o) {
	case unnamed:
		return 0, false
	case byARN:
		parts = [...][]byte{[]byte("arn"), o.Type, arnOf(o), o.ID}
	case byID:
		parts = [...][]byte{[]byte("id"), o.Type, o.Region, o.ID}
	}
	n.mac.Reset()
	for _, part := range parts {
		n.length = binary.BigEndian.AppendUint32(n.length[:0], uint32(len(part))) //nolint:gosec // a name has at most 2048 bytes
		n.mac.Write(n.length)
		n.mac.Write(part)
	}
	n.sum = n.mac.Sum(n.sum[:0])
	return binary.BigEndian.Uint64(n.sum), true
}
