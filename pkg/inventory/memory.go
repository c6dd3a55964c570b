package inventory

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// The files of the memory. The report's own are in write.go.
const (
	fileKey    = "memory/key"
	fileMemory = "memory/states.ndjson.gz"
)

// state is what is known of a state. Its JSON is a line of the memory.
type state struct {
	Path     tflock.Path `json:"path"`
	ETag     string      `json:"etag"` // as the last listing, or a later read, showed it
	Size     int64       `json:"size"`
	Modified time.Time   `json:"modified"`
	Sealed   bool        `json:"sealed,omitempty"` // the store does not give its bytes to us
	Read     *reading    `json:"read,omitempty"`   // of the latest version that was read

	Digest  string         `json:"digest,omitempty"` // the column
	Locking policy.Locking `json:"locking,omitempty"`

	Writes       []policy.StateWrite `json:"writes,omitempty"` // what versions show of how its clients lock
	Tables       []uint32            `json:"tables,omitempty"` // hashes of the ARNs of those that have had a digest of it
	digestTables []uint32            // those of which have one now
	newVersions  []write             // versions that came since the last run, the newest of them, until the digests are known
}

// reading is what a state's bytes said. It has no value of the state but as a keyed hash.
type reading struct {
	ETag      string           `json:"etag"`
	VersionID string           `json:"version_id,omitempty"`
	Modified  time.Time        `json:"modified"`
	Contents  tfstate.Contents `json:"contents"`
	MD5       []byte           `json:"md5"`               // keyed hash of the MD5 of its bytes
	Objects   hashes           `json:"objects,omitempty"` // of the names of its managed objects
	Unnamed   bool             `json:"unnamed,omitempty"` // they are too many beside those of the other states
}

// current reports whether the latest version is the one that was read.
func (s *state) current() bool { return s.Read != nil && s.Read.ETag == s.ETag && !s.Sealed }

// version is the one that was read.
func (r *reading) version() policy.StateVersion {
	return policy.StateVersion{VersionID: r.VersionID, Serial: r.Contents.Serial, Lineage: r.Contents.Lineage, LastModified: r.Modified.UTC()}
}

// record is a finding in the memory.
type record struct {
	Finding  policy.StateFinding `json:"finding"`
	Notified bool                `json:"notified"`
	// NotifiedAs is the severity that people were notified of last. One that is worse by now is new to them.
	NotifiedAs string `json:"notified_as,omitempty"`
	Gone       bool   `json:"gone,omitempty"` // people are still to be notified of that
	// Of are the ETags of the states that it was found in, in the order of its paths. While they
	// are the same, none of them is read for it again.
	Of []string `json:"of,omitempty"`
}

// head is the first line of the memory. The records follow, then the states: each is a line of its own,
// since what reads or writes a line holds all of it.
type head struct {
	Version  int      `json:"version"`
	Check    []byte   `json:"check"`             // says with which key the hashes were made
	Naming   int      `json:"naming"`            // says of what they were made
	Findings int      `json:"findings"`          // how many records follow
	Records  []record `json:"records,omitempty"` // in version 1, which had them here
}

const memoryVersion = 2

// memory is what a run knows from earlier ones.
type memory struct {
	files   files
	etag    string // of the file; empty: there is none
	key     secret
	states  map[tflock.Path]*state
	records []record
	at      map[string]int // where the open ones are, by the identity of what they are about
}

// openMemory reads the memory and its key, and makes the key where there is none. Without
// its key the memory's hashes say nothing, so that every state is read again then.
func openMemory(ctx context.Context, f files) (*memory, error) {
	key, err := openKey(ctx, f)
	if err != nil {
		return nil, err
	}
	m := &memory{files: f, key: key, states: map[tflock.Path]*state{}}
	body, err := f.Read(ctx, fileMemory)
	if errors.Is(err, backend.ErrGone) {
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // nothing is lost with a body that was read
	m.etag = body.ETag
	if err := m.decode(body); err != nil {
		return nil, fmt.Errorf("the memory of the inventory cannot be read: %w. If it is damaged, delete %s: the next run then reads every state and reports every finding again", err, f.URL(fileMemory))
	}
	return m, nil
}

func (m *memory) decode(body io.Reader) error {
	plain, err := gzip.NewReader(bufio.NewReader(body))
	if err != nil {
		return err
	}
	lines := json.NewDecoder(plain)
	var h head
	if err := lines.Decode(&h); err != nil {
		return err
	}
	if h.Version < 1 || h.Version > memoryVersion {
		return fmt.Errorf("it is of version %d", h.Version)
	}
	if m.records, err = h.records(lines); err != nil {
		return err
	}
	sameKey := hmac.Equal(h.Check, m.key.check())
	for {
		s := &state{}
		if err := lines.Decode(s); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		switch {
		case !sameKey:
			s.Read = nil
		case h.Naming != namingVersion && s.Read != nil:
			s.Read.ETag, s.Read.Objects = "", nil // it is read again, and still compared
		}
		if s.Read != nil && s.Read.texts() > maxTexts {
			s.Read.ETag, s.Read.Contents.Types, s.Read.Contents.Providers = "", nil, nil
		}
		m.states[s.Path] = s
	}
}

// records reads the records behind the head.
func (h head) records(lines *json.Decoder) ([]record, error) {
	all := h.Records
	for range h.Findings {
		var rec record
		if err := lines.Decode(&rec); err != nil {
			return nil, err
		}
		all = append(all, rec)
	}
	return all, nil
}

// save writes the memory, unless another run wrote it since.
func (m *memory) save(ctx context.Context) error {
	var out bytes.Buffer
	packed, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(packed)
	if err := lines.Encode(head{Version: memoryVersion, Check: m.key.check(), Naming: namingVersion, Findings: len(m.records)}); err != nil {
		return err
	}
	for _, rec := range m.records {
		if err := lines.Encode(rec); err != nil {
			return err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(m.states)) {
		if err := lines.Encode(m.states[path]); err != nil {
			return err
		}
	}
	if err := packed.Close(); err != nil {
		return err
	}
	etag, err := m.files.Replace(ctx, fileMemory, m.etag, backend.File{Content: out.Bytes(), Type: "application/gzip"})
	if _, changed := errors.AsType[*backend.ChangedError](err); changed {
		return errors.New("another inventory has run at the same time, so that this one stops: run it again")
	}
	if err != nil {
		return fmt.Errorf("save the memory of the inventory: %w", err)
	}
	m.etag = etag
	return nil
}

// open returns an open finding that was found in states that are still the same; nil where there
// is none.
func (m *memory) open(identity string) *policy.StateFinding {
	n, known := m.at[identity]
	if !known {
		return nil
	}
	rec := &m.records[n]
	if !slices.Equal(rec.Of, m.etags(rec.Finding)) {
		return nil
	}
	return &rec.Finding
}

// index has open find the records that there are now.
func (m *memory) index() {
	m.at = map[string]int{}
	for n, rec := range m.records {
		if !rec.Gone {
			m.at[rec.Finding.Identity()] = n
		}
	}
}

// etags are those of the states that a finding is about, as they were read last.
func (m *memory) etags(f policy.StateFinding) (all []string) {
	for _, path := range f.All() {
		etag := ""
		if s := m.states[path]; s != nil && s.current() {
			etag = s.ETag
		}
		all = append(all, etag)
	}
	return all
}

// findings are the open findings, and what happened since the last run.
func (m *memory) findings() []policy.StateFinding {
	all := []policy.StateFinding{}
	for _, r := range m.records {
		if !r.Gone {
			all = append(all, r.Finding)
		}
	}
	policy.SortFindings(all)
	return all
}

// forgetNotified removes what people know to have happened.
func (m *memory) forgetNotified() {
	m.records = slices.DeleteFunc(m.records, func(r record) bool { return r.Notified && r.Finding.Type.Occurs() })
}

// list brings a state up to what its bucket has now.
func (s *state) list(o backend.Object) {
	s.ETag, s.Size, s.Modified = o.ETag, o.Size, o.Modified.UTC()
}

// openKey reads the key of the hashes, or makes one.
func openKey(ctx context.Context, f files) (secret, error) {
	for range 2 {
		key, err := readKey(ctx, f)
		if !errors.Is(err, backend.ErrGone) {
			return key, err
		}
		if err := makeKey(ctx, f); err != nil {
			return secret{}, err
		}
	}
	return secret{}, errors.New("the key of the inventory was deleted while it was made")
}

func readKey(ctx context.Context, f files) (secret, error) {
	body, err := f.Read(ctx, fileKey)
	if err != nil {
		return secret{}, err
	}
	key, err := io.ReadAll(io.LimitReader(body, keySize+1))
	_ = body.Close() // it was read
	if err != nil || len(key) != keySize {
		return secret{}, fmt.Errorf("%s is not a key of %d bytes: delete it and %s, and the next run starts again (%w)", f.URL(fileKey), keySize, f.URL(fileMemory), errors.Join(err, io.ErrUnexpectedEOF))
	}
	return secret{key}, nil
}

// makeKey makes a key where there is none. Another run may have made one first: the key is
// the one that is there afterwards.
func makeKey(ctx context.Context, f files) error {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	_, err := f.Replace(ctx, fileKey, "", backend.File{Content: key, Type: "application/octet-stream"})
	if _, changed := errors.AsType[*backend.ChangedError](err); changed {
		return nil
	}
	return err
}
