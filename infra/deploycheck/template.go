package deploycheck

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Template is plain CloudFormation, after the SAM transform.
type Template struct {
	Parameters map[string]Parameter
	Rules      map[string]Rule
	Conditions map[string]any
	Resources  map[string]Resource
	Outputs    map[string]Output
}

// Parameter is one of a template.
type Parameter struct {
	Type                  string
	Default               any
	AllowedPattern        string
	AllowedValues         []any
	MaxLength             int
	MinValue, MaxValue    *float64
	ConstraintDescription string
	Description           string
}

// Rule is one of a template: its assertions hold where its condition does.
type Rule struct {
	RuleCondition any
	Assertions    []struct {
		Assert            any
		AssertDescription string
	}
}

// Resource is one of a template, or of an evaluated one.
type Resource struct {
	Type                string
	Condition           string
	DependsOn           any
	DeletionPolicy      string
	UpdateReplacePolicy string
	Properties          map[string]any
}

// Output is one of a template.
type Output struct {
	Condition   string
	Description string
	Value       any
}

// Parse reads what the SAM transform printed.
func Parse(text []byte) (Template, error) {
	var t Template
	if err := json.Unmarshal(text, &t); err != nil {
		return Template{}, fmt.Errorf("not a template: %w", err)
	}
	return t, nil
}

// Load reads a template after the real SAM transform, with its default parameters: one of this
// repository, or any by its whole path.
func Load(ctx context.Context, file string) (Template, error) {
	if !filepath.IsAbs(file) {
		file = filepath.Join(local.Root(), file)
	}
	text, err := local.Transform(ctx, file)
	if err != nil {
		return Template{}, err
	}
	return Parse(text)
}

// Of returns the names of the resources of a type, sorted.
func (t Template) Of(resourceType string) []string {
	return slices.DeleteFunc(names(t.Resources), func(name string) bool { return t.Resources[name].Type != resourceType })
}

// Problem is something that a deploy would refuse, or that would not work after it.
type Problem struct{ Resource, Text string }

func (p Problem) String() string { return p.Resource + ": " + p.Text }

func problem(resource, format string, args ...any) Problem {
	return Problem{resource, fmt.Sprintf(format, args...)}
}

// names are the keys of a map, sorted.
func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// listed returns a value that may be one or several.
func listed(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// texts returns one or several strings.
func texts(v any) []string {
	var all []string
	for _, one := range listed(v) {
		all = append(all, fmt.Sprint(one))
	}
	return all
}

// at follows keys into maps; nil where one is missing.
func at(v any, path ...string) any {
	for _, key := range path {
		inside, _ := v.(map[string]any)
		v = inside[key]
	}
	return v
}
