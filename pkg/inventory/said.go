package inventory

import (
	"fmt"
	"sync"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/payload"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// maxFindings and maxBytes bound the findings of an answer, maxErrors its errors and its notes.
const (
	maxFindings = 1000
	maxBytes    = 4 << 20
	maxErrors   = 50
)

// said is what the answer says beside the findings. Each top-level prefix has a share of it, so that
// whoever breaks a hundred states of their own hides no error of others.
type said struct {
	mu       sync.Mutex
	failures *fairList[error]  // what fails the invocation
	notes    *fairList[string] // what could not be done and fails nothing
}

func newSaid() said {
	return said{failures: newFairList[error](maxErrors), notes: newFairList[string](maxErrors)}
}

// fail keeps an error that fails the invocation at its end.
func (s *said) fail(err error) { s.failAt("", err) }

// failAt does so for an error at one state.
func (s *said) failAt(path tflock.Path, err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures.add(path.Prefix(), err, share(path))
}

// remark keeps a note.
func (s *said) remark(text string) { s.remarkAt("", text) }

// remarkAt does so for a note about one state.
func (s *said) remarkAt(path tflock.Path, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes.add(path.Prefix(), text, share(path))
}

// share is what something about a state takes of its prefix. What is about no one state takes nothing, and gives way to none: there are a few for each store.
func share(path tflock.Path) int {
	if path == "" {
		return 0
	}
	return 1
}

// failed returns the errors that fail the invocation.
func (s *said) failed() []error {
	all := s.failures.items()
	if left := s.failures.left; len(left) > 0 {
		all = append(all, fmt.Errorf("%d more errors at states under %s", sum(left), crowd(left)))
	}
	return all
}

func (s *said) noted() []string {
	all := s.notes.items()
	if left := s.notes.left; len(left) > 0 {
		all = append(all, fmt.Sprintf("%d more notes about states under %s", sum(left), crowd(left)))
	}
	return all
}

func (r *run) report(all []policy.StateFinding) Report {
	report := Report{States: len(r.memory.states), Read: r.reads, Findings: []policy.StateFinding{}, Report: r.Files.URL(fileCSV), Errors: []string{}}
	report.Findings = append(report.Findings, payload.Fit(alert.ChooseFindings(all, maxFindings), maxFindings, maxBytes)...)
	policy.SortFindings(report.Findings)
	report.Omitted = len(all) - len(report.Findings)
	for _, err := range r.failed() {
		report.Errors = append(report.Errors, err.Error())
	}
	report.Errors = append(report.Errors, r.noted()...)
	return report
}
