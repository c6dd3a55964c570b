package inventory

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// The files of the report. The latter two have a JSON object on each line.
const (
	fileCSV    = "inventory/states.csv"
	FileStates = "inventory/states.ndjson" // by path
	// FileFindings is a policy.StateFinding a line, the severe ones first: the open ones, and
	// what happened to states since the inventory before.
	FileFindings = "inventory/findings.ndjson"
)

// fileOfDay is the report that stays, by the day in UTC.
func fileOfDay(at time.Time) string {
	return "inventory/dt=" + at.UTC().Format(time.DateOnly) + "/states.ndjson.gz"
}

// row is a state in the report. What is not known is null, or an empty text.
type row struct {
	Path             tflock.Path    `json:"path"`
	Size             int64          `json:"size"`
	LastModified     string         `json:"last_modified"`
	ETag             string         `json:"etag"`
	VersionID        string         `json:"version_id"`
	Serial           *uint64        `json:"serial"`
	Lineage          string         `json:"lineage"`
	TerraformVersion string         `json:"terraform_version"`
	Format           string         `json:"format"`
	Managed          *int           `json:"managed"`
	Data             *int           `json:"data"`
	Types            map[string]int `json:"types"`
	Providers        []string       `json:"providers"`
	Outputs          *int           `json:"outputs"`
	SensitiveOutputs *int           `json:"sensitive_outputs"`
	Tainted          *int           `json:"tainted"`
	Deposed          *int           `json:"deposed"`
	Digest           string         `json:"digest"`
	Locking          policy.Locking `json:"locking"`
}

// otherTypes is where the objects are counted whose types are too many, or too strange, to
// be listed, and stands for such providers.
const otherTypes = "(other)"

// row returns the report's row of a state. Of a version that was not read nothing is known.
func (s *state) row() row {
	w := row{Path: s.Path, Size: s.Size, LastModified: s.Modified.UTC().Format(time.RFC3339), ETag: quoteless(s.ETag), Digest: s.Digest, Locking: s.Locking}
	if s.Sealed {
		w.Format = "unreadable"
	}
	if !s.current() {
		return w
	}
	c := s.Read.Contents
	w.VersionID, w.Serial, w.Lineage, w.TerraformVersion, w.Format = s.Read.VersionID, c.Serial, c.Lineage, c.TerraformVersion, c.Format
	w.Managed, w.Data, w.Outputs, w.SensitiveOutputs, w.Tainted, w.Deposed = c.Managed, c.Data, c.Outputs, c.SensitiveOutputs, c.Tainted, c.Deposed
	if c.Managed == nil {
		return w
	}
	w.Types, w.Providers = map[string]int{}, []string{}
	for _, t := range c.Types {
		w.Types[t.Type] = t.Count
	}
	if c.OtherTypes > 0 {
		w.Types[otherTypes] = c.OtherTypes
	}
	w.Providers = append(w.Providers, c.Providers...)
	if c.OtherProviders {
		w.Providers = append(w.Providers, otherTypes)
	}
	return w
}

// columns are the first line of the CSV.
var columns = []string{
	"path", "size", "last_modified", "etag", "version_id", "serial", "lineage", "terraform_version", "format", "managed", "data", "types",
	"providers", "outputs", "sensitive_outputs", "tainted", "deposed", "digest", "locking",
}

// cells are a row of the CSV, in the order of the columns.
func (w row) cells() []string {
	var types []string
	for _, name := range slices.Sorted(maps.Keys(w.Types)) {
		types = append(types, name+"="+strconv.Itoa(w.Types[name]))
	}
	return []string{
		string(w.Path), strconv.FormatInt(w.Size, 10), w.LastModified, w.ETag, w.VersionID, number(w.Serial), w.Lineage, w.TerraformVersion, w.Format,
		number(w.Managed), number(w.Data), strings.Join(types, " "), strings.Join(w.Providers, " "), number(w.Outputs), number(w.SensitiveOutputs),
		number(w.Tainted), number(w.Deposed), w.Digest, string(w.Locking),
	}
}

func number[N int | uint64](n *N) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

// formula are the characters that begin a formula in a spreadsheet, also in their full width.
// https://owasp.org/www-community/attacks/CSV_Injection
const formula = "=+-@\t\r\n＝＋－＠"

// separators may end a cell: in half of the world a spreadsheet takes a semicolon for the
// separator, and then the quotes of all cells but the first are text.
const separators = ";,|\t\r\n\""

// cell quotes a text for CSV (RFC 4180), so that no spreadsheet takes it, or a part of it, for
// a formula: a ' stands in front of each character that could begin one. The JSON beside it
// has the text as it is.
func cell(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	begins := true // a cell, at least for some spreadsheet
	for _, r := range text {
		if begins && strings.ContainsRune(formula, r) {
			b.WriteByte('\'')
		}
		begins = strings.ContainsRune(separators, r) || (begins && unicode.IsSpace(r))
		if r == '"' {
			b.WriteByte('"')
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String()
}

func writeCSV(out io.Writer, cells []string) {
	for n, text := range cells {
		if n > 0 {
			_, _ = io.WriteString(out, ",") // a buffer takes everything
		}
		_, _ = io.WriteString(out, cell(text))
	}
	_, _ = io.WriteString(out, "\r\n")
}

// write writes the files of the report, one after the other for the memory that they take.
func (r *run) write(ctx context.Context, all []policy.StateFinding) error {
	paths := slices.Sorted(maps.Keys(r.memory.states))
	csv, err := content(func(out io.Writer) error {
		writeCSV(out, columns)
		for _, path := range paths {
			writeCSV(out, r.memory.states[path].row().cells())
		}
		return nil
	})
	if err == nil {
		err = r.put(ctx, fileCSV, backend.File{Content: csv, Type: "text/csv; charset=utf-8"})
	}
	if err != nil {
		return err
	}
	if err := r.writeStates(ctx, paths); err != nil {
		return err
	}
	lines, err := content(func(out io.Writer) error { return encode(out, slices.Values(all)) })
	if err != nil {
		return err
	}
	return r.put(ctx, FileFindings, backend.File{Content: lines, Type: ndjson})
}

// writeStates writes the rows as JSON, as the newest and as those of the day.
func (r *run) writeStates(ctx context.Context, paths []tflock.Path) error {
	lines, err := content(func(out io.Writer) error {
		return encode(out, func(yield func(row) bool) {
			for _, path := range paths {
				if !yield(r.memory.states[path].row()) {
					return
				}
			}
		})
	})
	if err != nil {
		return err
	}
	if err := r.put(ctx, FileStates, backend.File{Content: lines, Type: ndjson}); err != nil {
		return err
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(lines); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	return r.put(ctx, fileOfDay(r.started), backend.File{Content: packed.Bytes(), Type: "application/gzip"})
}

// content is what is written, in a buffer of its size: one that grows takes three times as much.
func content(write func(io.Writer) error) ([]byte, error) {
	var size counter
	if err := write(&size); err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(make([]byte, 0, size))
	err := write(out)
	return out.Bytes(), err
}

// counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// encode writes a JSON object on each line.
func encode[T any](out io.Writer, all iter.Seq[T]) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for one := range all {
		if err := encoder.Encode(one); err != nil {
			return err
		}
	}
	return nil
}

const ndjson = "application/x-ndjson"

func (r *run) put(ctx context.Context, key string, f backend.File) error {
	if err := r.Files.Write(ctx, key, f); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
