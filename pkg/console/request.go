package console

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/lockwarden/lockwarden/pkg/payload"
)

// Request says which page is asked for: the widget's parameters, and what a button
// adds to them.
type Request struct {
	Describe bool   `json:"describe"`  // CloudWatch asks for the documentation
	View     string `json:"view"`      // viewStates, or empty: the locks
	Path     string `json:"path"`      // glob over bucket/key; empty: all of them
	PageSize int    `json:"page_size"` // locks or states a page; zero: defaultPage
	Page     int    `json:"page"`      // from 1; zero is the first
	Sort     string `json:"sort"`      // of states: one of orders; empty: byPath
	Search   string `json:"search"`    // of states: a part of the path, in any case
	JSON     bool   `json:"json"`      // of states: the answer is a Report and no page
}

const (
	defaultPage = 50
	maxPage     = 200
	maxRows     = 1000 // of an answer in JSON
)

// viewStates is the page of the inventory's report.
const viewStates = "states"

// ParseRequest reads a request. Its error says what to write instead.
func ParseRequest(event []byte) (Request, error) {
	r := Request{}
	if err := payload.Decode(event, &r); err != nil {
		return r, fmt.Errorf("the widget's parameters cannot be read (%w): use path and page_size", err)
	}
	if r.PageSize == 0 {
		r.PageSize = defaultPage
	}
	most := maxPage
	if r.JSON {
		most = maxRows
	}
	switch {
	case r.PageSize < 1 || r.PageSize > most:
		return r, fmt.Errorf("page_size is %d: it must be from 1 to %d", r.PageSize, most)
	case r.View != "" && r.View != viewStates:
		return r, fmt.Errorf("view is %q: leave it out, or write %q", r.View, viewStates)
	case r.Sort != "" && !slices.Contains(orders, r.Sort):
		return r, fmt.Errorf("sort is %q: it must be one of %s", r.Sort, strings.Join(orders, ", "))
	case r.View == "" && (r.JSON || r.Sort != "" || r.Search != ""):
		return r, errors.New(`json, sort and search go with "view": "states" alone`)
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
	"| **path** | every state | a glob over `bucket/key`: only these states and the locks on them |\n" +
	"| **page_size** | 50 | locks or states a page, at most 200 |\n" +
	"| **view** | the locks | `states`: the inventory's findings and states, each finding with its repair |\n" +
	"| **sort** | path | of states: `path`, `size`, `age` or `resources` |\n" +
	"| **search** | every state | of states: a part of the path |\n\n" +
	"### Example parameters\n" +
	"``` yaml\n---\npath: my-states/environments/production/**\npage_size: 20\n```\n"
