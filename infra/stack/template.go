package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Template is template.yaml as plain CloudFormation, with its default parameters.
type Template struct {
	Parameters map[string]Parameter
	Resources  map[string]Resource
	Outputs    map[string]any
	Metadata   map[string]json.RawMessage
}

// Parameter is one of the template.
type Parameter struct {
	Default     any
	Description string
	MaxLength   int
}

// Resource is one of the template.
type Resource struct {
	Type                string
	Condition           string
	DeletionPolicy      string
	UpdateReplacePolicy string
	Properties          map[string]any
}

// Load reads template.yaml.
func Load(ctx context.Context) (Template, error) {
	text, err := local.Transform(ctx, filepath.Join(local.Root(), "template.yaml"))
	if err != nil {
		return Template{}, err
	}
	var t Template
	if err := json.Unmarshal(text, &t); err != nil {
		return Template{}, fmt.Errorf("transform.py printed something else than a template: %w", err)
	}
	return t, nil
}

// Of gives the names of the resources of a type, sorted.
func (t Template) Of(resourceType string) []string {
	names := slices.Sorted(maps.Keys(t.Resources))
	return slices.DeleteFunc(names, func(name string) bool { return t.Resources[name].Type != resourceType })
}
