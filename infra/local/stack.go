package local

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
)

// Stack is the deployed template.
type Stack struct {
	Outputs   map[string]string `json:"outputs"`
	Resources map[string]string `json:"resources"` // physical ID by logical ID
	// Functions are the environments that the stack gave its functions, by logical ID.
	Functions map[string]map[string]string `json:"functions"`

	aws *AWS
}

// Deploy runs the real SAM transform over template.yaml and deploys the result with
// these parameters, less what moto cannot make (see deploy.py).
func (a *AWS) Deploy(ctx context.Context, name string, parameters map[string]string) (*Stack, error) {
	args := []string{filepath.Join(Root(), "template.yaml"), name}
	for key, value := range parameters {
		args = append(args, key+"="+value)
	}
	out, err := a.runPython(ctx, "deploy.py", args...)
	if err != nil {
		return nil, err
	}
	s := &Stack{aws: a}
	if err := json.Unmarshal(out, s); err != nil {
		return nil, fmt.Errorf("deploy.py printed something else than its answer: %w\n%s", err, out)
	}
	return s, nil
}

// Resource is one of the template's, as CloudFormation gets it: with its functions
// still in it.
type Resource struct {
	Type       string
	Condition  string
	Properties map[string]any
}

// Template gives template.yaml after the real SAM transform, by logical ID.
func (a *AWS) Template(ctx context.Context) (map[string]Resource, error) {
	out, err := a.runPython(ctx, "transform.py", filepath.Join(Root(), "template.yaml"))
	if err != nil {
		return nil, err
	}
	var t struct{ Resources map[string]Resource }
	return t.Resources, json.Unmarshal(out, &t)
}

// AWS is where the stack lies.
func (s *Stack) AWS() *AWS { return s.aws }

// Invoke builds functions/<name> and runs it once as Lambda would, with the
// environment that the stack gave the function of that logical ID.
func (s *Stack) Invoke(ctx context.Context, function, logicalID, payload string) (Result, error) {
	binary, err := Build(ctx, function)
	if err != nil {
		return Result{}, err
	}
	given, ok := s.Functions[logicalID]
	if !ok {
		return Result{}, fmt.Errorf("the stack has no function %s", logicalID)
	}
	environment := s.aws.Env()
	maps.Copy(environment, given)
	environment["AWS_LAMBDA_FUNCTION_NAME"] = s.Resources[logicalID]
	return Invoke(ctx, binary, environment, payload)
}
