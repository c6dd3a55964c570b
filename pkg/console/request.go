package console

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/bmatcuk/doublestar/v4"
)

// Request says which page is asked for: the widget's parameters, and what a button
// adds to them.
type Request struct {
	Describe bool   `json:"describe"`  // CloudWatch asks for the documentation
	Path     string `json:"path"`      // glob over bucket/key; empty: every lock
	PageSize int    `json:"page_size"` // locks a page; zero: defaultPage
	Page     int    `json:"page"`      // from 1; zero is the first
}

const (
	defaultPage = 50
	maxPage     = 200
)

// ParseRequest reads a request. Its error says what to write instead.
func ParseRequest(payload []byte) (Request, error) {
	r := Request{}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return r, fmt.Errorf("the widget's parameters cannot be read (%w): use path and page_size", err)
	}
	if r.PageSize == 0 {
		r.PageSize = defaultPage
	}
	if r.PageSize < 1 || r.PageSize > maxPage {
		return r, fmt.Errorf("page_size is %d: it must be from 1 to %d", r.PageSize, maxPage)
	}
	if !doublestar.ValidatePattern(r.Path) {
		return r, fmt.Errorf("path is %q, which is not a glob: write it like *-states/production/**", r.Path)
	}
	return r, nil
}

// Documentation is what CloudWatch shows beside the widget's settings.
const Documentation = "## Lockwarden\n" +
	"The Terraform and OpenTofu state locks that are held now, the stuck ones first, each with the evidence whether its run is alive. " +
	"A stuck lock that may be released has a *Release* button. It calls the unlock function under your own permissions, and asks before.\n\n" +
	"### Widget parameters\n" +
	"| parameter | default | |\n|---|---|---|\n" +
	"| **path** | every lock | a glob over `bucket/key`: only locks on these states |\n" +
	"| **page_size** | 50 | locks a page, at most 200 |\n\n" +
	"### Example parameters\n" +
	"``` yaml\n---\npath: my-states/environments/production/**\npage_size: 20\n```\n"
