package tflock

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

// Suffix ends the key of an S3 lock object: the state's key and Suffix.
const Suffix = ".tflock"

// DigestSuffix ends the LockID of a state's digest row. A state's key may end in
// it too, so it never tells a digest from a lock by itself.
const DigestSuffix = "-md5"

// Kind is a place where a lock can be held.
type Kind string

// The two kinds of holding, as they are named in every answer and event.
const (
	DynamoDB Kind = "dynamodb"
	S3       Kind = "s3"
)

// ErrForeign marks a row that some other tool keeps in the lock table.
var ErrForeign = errors.New("row has neither Info nor Digest: no Terraform or OpenTofu client wrote it")

// ErrLarge marks what is larger than any client writes and was not read, since others come first.
var ErrLarge = errors.New("it is larger than any lock that a client writes, so what it says was not read")

// UsualSize is more bytes than a client writes for any lock: they are some 300 to 600.
const UsualSize = 16 << 10

// Holding is one row of a lock table or one .tflock object.
type Holding struct {
	Kind  Kind
	Store string // ARN of the table or bucket
	Path  Path
	Raw   string // the exact bytes that were read: a release is conditional on them
	Info  Info   // decoded Raw; meaningless when Err is set
	Err   error  // why its holder is unknown; nil for a readable one

	// ETag and Modified are S3's: the condition for a delete, and the server's
	// own clock when the lock was taken. Empty and zero for a table row.
	ETag     string
	Modified time.Time
	// Sum is that of Raw in a holding that has lost it; zero in any other. See Digest.
	Sum [SumSize]byte
}

// SumSize is how many bytes of a SHA-256 distinguish two holdings.
const SumSize = 16

// SumOf is the beginning of the SHA-256 of a holding's bytes.
func SumOf(raw string) [SumSize]byte {
	sum := sha256.Sum256([]byte(raw))
	return [SumSize]byte(sum[:SumSize])
}

// Digest identifies the holding's bytes, in hex.
func (h Holding) Digest() string {
	sum := h.Sum
	if sum == ([SumSize]byte{}) {
		sum = SumOf(h.Raw)
	}
	return hex.EncodeToString(sum[:])
}

// Sealed reports whether the content of a holding was not read, so that it may be any lock: an object
// that S3 does not give, or anything with ErrLarge.
func (h Holding) Sealed() bool {
	if h.Kind != S3 {
		return errors.Is(h.Err, ErrLarge)
	}
	return h.Err != nil && !errors.Is(h.Err, ErrNotLockInfo) && !errors.Is(h.Err, ErrNoID)
}

// Row is a lock table's row, reduced to what tells a lock from everything else.
type Row struct {
	LockID    string
	Info      *string // nil without the attribute; empty when it is not a string
	HasDigest bool
}

// FromRow returns the holding that a row is, and false for a row that holds no
// lock: a state's digest, or the empty digest ({LockID: …-md5} alone) that
// Terragrunt's `backend migrate` leaves. An attribute distinguishes
// lock and digest, since the key of a state may itself end in -md5.
func FromRow(store string, row Row) (Holding, bool) {
	h := Holding{Kind: DynamoDB, Store: store, Path: Path(row.LockID)}
	switch {
	case row.Info != nil:
		h.Raw = *row.Info
		h.Info, h.Err = ParseInfo([]byte(h.Raw))
	case row.HasDigest || strings.HasSuffix(row.LockID, DigestSuffix):
		return Holding{}, false
	default:
		h.Err = ErrForeign
	}
	return h, true
}

// FromObject returns the holding that a .tflock object is. The key must end in
// Suffix.
func FromObject(store, bucket, key, body, etag string, modified time.Time) Holding {
	h := Holding{
		Kind: S3, Store: store, Path: NewPath(bucket, strings.TrimSuffix(key, Suffix)),
		Raw: body, ETag: etag, Modified: modified,
	}
	h.Info, h.Err = ParseInfo([]byte(body))
	return h
}
