package console

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/payload"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// reports is the bucket of the inventory's report.
type reports interface {
	Read(ctx context.Context, key string) (backend.OpenFile, error)
}

// Report is what the latest report of the inventory says of the states that were asked for.
type Report struct {
	Written         *time.Time            `json:"written"`  // by S3's clock; null: there is no report yet
	States          int                   `json:"states"`   // in the report
	Matching        int                   `json:"matching"` // of these, how many were asked for
	Rows            []StateRow            `json:"rows"`     // one page of those
	Findings        []policy.StateFinding `json:"findings"` // of the states that were asked for
	FindingsOmitted int                   `json:"findings_omitted,omitempty"`
	Prefixes        []PrefixRow           `json:"prefixes"` // of the states that were asked for, the largest first
}

// StateRow is a row of the report, with the columns that a page shows. What is not known is
// null, or empty.
type StateRow struct {
	Path         tflock.Path `json:"path"`
	Size         int64       `json:"size"` // in bytes
	LastModified time.Time   `json:"last_modified"`
	Serial       *uint64     `json:"serial"`
	Version      string      `json:"terraform_version"`
	Format       string      `json:"format"`
	Managed      *int        `json:"managed"`
	Digest       string      `json:"digest"`
	Locking      string      `json:"locking"`
}

// PrefixRow counts how the states under a top-level prefix are locked: how far a move from
// the table to lockfiles is, and which digests it left.
type PrefixRow struct {
	Prefix     string `json:"prefix"`
	States     int    `json:"states"`
	Table      int    `json:"table"`
	Both       int    `json:"both"`
	Lockfile   int    `json:"lockfile"`
	Mismatches int    `json:"mismatches"` // of digests
}

const (
	// mostFindings and mostPrefixes bound an answer.
	mostFindings = 1000
	mostPrefixes = 20
)

// report reads the latest report. One that is not there yet is no error.
func (c *Console) report(ctx context.Context, r Request) (Report, error) {
	report := Report{Rows: []StateRow{}, Findings: []policy.StateFinding{}, Prefixes: []PrefixRow{}}
	if c.Reports == nil {
		return report, errors.New("REPORT_BUCKET is not set, so that this console does not know where the inventory writes its report")
	}
	prefixes := map[string]*PrefixRow{}
	written, err := eachLine(ctx, c.Reports, inventory.FileStates, func(row StateRow) {
		report.States++
		if !r.wants(row.Path) {
			return
		}
		report.Rows = append(report.Rows, row)
		count(prefixes, row)
	})
	if err != nil || written == nil {
		return report, err
	}
	report.Written, report.Matching = written, len(report.Rows)
	slices.SortStableFunc(report.Rows, r.order())
	report.Rows = r.cut(report.Rows)
	for _, p := range prefixes {
		report.Prefixes = append(report.Prefixes, *p)
	}
	slices.SortFunc(report.Prefixes, func(a, b PrefixRow) int {
		return cmp.Or(b.States-a.States, cmp.Compare(a.Prefix, b.Prefix))
	})
	report.Prefixes = report.Prefixes[:min(len(report.Prefixes), mostPrefixes)]
	chosen := alert.NewSelection[policy.StateFinding](mostFindings)
	_, err = eachLine(ctx, c.Reports, inventory.FileFindings, func(f policy.StateFinding) {
		if slices.ContainsFunc(f.All(), r.wants) {
			chosen.Add(string(f.Path), f)
		}
	})
	report.Findings, report.FindingsOmitted = append(report.Findings, chosen.Items()...), chosen.Omitted()
	policy.SortFindings(report.Findings)
	return report, err
}

// fit leaves out what an answer in JSON has no room for.
func (r Report) fit() Report {
	const each = 5 << 19 // 2.5 MB
	rows, findings := payload.Fit(r.Rows, maxRows, each), payload.Fit(r.Findings, mostFindings, each)
	if len(findings) < len(r.Findings) {
		findings = payload.Fit(alert.ChooseFindings(r.Findings, len(r.Findings)-1), mostFindings, each)
		policy.SortFindings(findings)
	}
	r.FindingsOmitted += len(r.Findings) - len(findings)
	r.Rows, r.Findings = rows, findings
	return r
}

// eachLine reads a file of the report, and says when it was written; nil where there is none.
func eachLine[T any](ctx context.Context, files reports, key string, visit func(T)) (*time.Time, error) {
	file, err := files.Read(ctx, key)
	if errors.Is(err, backend.ErrGone) {
		return nil, nil //nolint:nilnil // there is no report yet
	}
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // nothing is lost with a file that was read
	lines := json.NewDecoder(file)
	for {
		var line T
		if err := lines.Decode(&line); errors.Is(err, io.EOF) {
			return &file.Modified, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s in the report bucket cannot be read: %w", key, err)
		}
		visit(line)
	}
}

func count(prefixes map[string]*PrefixRow, row StateRow) {
	name := alert.PrefixOf(string(row.Path))
	p := prefixes[name]
	if p == nil {
		p = &PrefixRow{Prefix: name}
		prefixes[name] = p
	}
	p.States++
	switch policy.Locking(row.Locking) {
	case policy.ByTable:
		p.Table++
	case policy.ByBoth:
		p.Both++
	case policy.ByLockfile:
		p.Lockfile++
	}
	if row.Digest == "mismatch" {
		p.Mismatches++
	}
}

// wants reports whether a state was asked for.
func (r Request) wants(path tflock.Path) bool {
	return (r.Path == "" || doublestar.MatchUnvalidated(r.Path, string(path))) && strings.Contains(strings.ToLower(string(path)), strings.ToLower(r.Search))
}

// The orders of states.
const (
	byPath      = "path"
	bySize      = "size"      // the largest first
	byAge       = "age"       // the longest unwritten first
	byResources = "resources" // the most first; unknown numbers last
)

var orders = []string{byPath, bySize, byAge, byResources}

func (r Request) order() func(a, b StateRow) int {
	switch r.Sort {
	case bySize:
		return func(a, b StateRow) int { return cmp.Compare(b.Size, a.Size) }
	case byAge:
		return func(a, b StateRow) int { return a.LastModified.Compare(b.LastModified) }
	case byResources:
		return func(a, b StateRow) int { return cmp.Compare(known(b.Managed), known(a.Managed)) }
	}
	return func(a, b StateRow) int { return cmp.Compare(a.Path, b.Path) }
}

func known(n *int) int {
	if n == nil {
		return -1
	}
	return *n
}

// cut returns the page that is asked for, or the last one.
func (r Request) cut(rows []StateRow) []StateRow {
	first := (r.pageOf(len(rows)) - 1) * r.PageSize
	return rows[first:min(first+r.PageSize, len(rows))]
}

// pages is how many there are for that many lines, and pageOf the one that is asked for.
func (r Request) pages(lines int) int  { return max(1, (lines+r.PageSize-1)/r.PageSize) }
func (r Request) pageOf(lines int) int { return min(max(1, r.Page), r.pages(lines)) }
