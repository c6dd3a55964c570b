package local

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"sync"

	"github.com/lockwarden/lockwarden/pkg/wiring"
)

// Stack is the deployed template.
type Stack struct {
	Outputs   map[string]string `json:"outputs"`
	Resources map[string]string `json:"resources"` // physical ID by logical ID
	// Functions are the environments that the stack gave its functions, by logical ID.
	Functions map[string]map[string]string `json:"functions"`
	// Roles are the ARNs of its functions' roles, by the functions' logical ID.
	Roles map[string]string `json:"roles"`

	aws      *AWS
	sessions sync.Map // of the functions' roles: logical ID to *AWS
}

// Deploy runs the real SAM transform over template.yaml and deploys the result with
// these parameters, less what moto cannot make (see deploy.py).
func (a *AWS) Deploy(ctx context.Context, name string, parameters map[string]string) (*Stack, error) {
	return a.DeployTemplate(ctx, filepath.Join(Root(), "template.yaml"), name, parameters)
}

// DeployTemplate does the same with the template in that file.
func (a *AWS) DeployTemplate(ctx context.Context, file, name string, parameters map[string]string) (*Stack, error) {
	plain, err := transformed(ctx, file, parameters)
	if err != nil {
		return nil, err
	}
	args := []string{plain, name}
	for key, value := range parameters {
		args = append(args, key+"="+value)
	}
	out, err := runPython(ctx, a.Env(), "deploy.py", args...)
	if err != nil {
		return nil, err
	}
	s := &Stack{aws: a}
	if err := json.Unmarshal(out, s); err != nil {
		return nil, fmt.Errorf("deploy.py printed something else than its answer: %w\n%s", err, out)
	}
	return s, nil
}

// Delete deletes a stack, with what its deletion policies do not retain.
func (a *AWS) Delete(ctx context.Context, name string) error {
	_, err := runPython(ctx, a.Env(), "deploy.py", "--delete", name)
	return err
}

// Replaced are the resources of an older template that CloudFormation would replace or
// delete to update it to template.yaml, each with the reason (see replaced.py).
func Replaced(ctx context.Context, older string) (map[string]string, error) {
	out, err := runPython(ctx, nil, "replaced.py", older, filepath.Join(Root(), "template.yaml"))
	if err != nil {
		return nil, err
	}
	var found map[string]string
	return found, json.Unmarshal(out, &found)
}

// Watched are the ARNs of the tables and of the buckets that the functions watch.
func (s *Stack) Watched() (tables, buckets []string) {
	env := s.Functions["MonitorFunction"]
	list := func(name string) []string {
		return strings.FieldsFunc(env[name], func(r rune) bool { return r == ',' })
	}
	return wiring.Watched{Account: env["ACCOUNT_ID"], Partition: env["PARTITION"], Tables: list("TABLE_ARNS"), Buckets: list("BUCKET_ARNS")}.ARNs(Region)
}

// AWS is where the stack is deployed.
func (s *Stack) AWS() *AWS { return s.aws }

// As is the AWS that a function of the stack sees, called in its role.
func (s *Stack) As(ctx context.Context, logicalID string) (*AWS, error) {
	if known, ok := s.sessions.Load(logicalID); ok {
		return known.(*AWS), nil
	}
	role, ok := s.Roles[logicalID]
	if !ok {
		return nil, fmt.Errorf("the stack has no function %s", logicalID)
	}
	session, err := s.aws.As(ctx, role)
	if err == nil {
		s.sessions.Store(logicalID, session)
	}
	return session, err
}

// Scan lets the monitor see the locks once, as its schedule does: a lock's row has no
// other proof of its age.
func (s *Stack) Scan(ctx context.Context) error { return s.Ask(ctx, "monitor", "{}", nil) }

// Ask invokes a function of this folder, which must not fail, and decodes its answer, unless
// into is nil.
func (s *Stack) Ask(ctx context.Context, function, payload string, into any) error {
	result, err := s.Invoke(ctx, function, strings.ToUpper(function[:1])+function[1:]+"Function", payload)
	switch {
	case err != nil:
		return err
	case result.Failed:
		return fmt.Errorf("%s failed: %s\n%s", function, result.Payload, result.Log)
	case into == nil:
		return nil
	}
	return json.Unmarshal([]byte(result.Payload), into)
}

// Invoke builds functions/<name> and runs it once as Lambda would, with the
// environment and the role that the stack gave the function of that logical ID.
func (s *Stack) Invoke(ctx context.Context, function, logicalID, payload string) (Result, error) {
	binary, err := Build(ctx, function)
	if err != nil {
		return Result{}, err
	}
	session, err := s.As(ctx, logicalID)
	if err != nil {
		return Result{}, err
	}
	environment := session.Env()
	maps.Copy(environment, s.Functions[logicalID])
	environment["AWS_LAMBDA_FUNCTION_NAME"] = s.Resources[logicalID]
	return Invoke(ctx, binary, environment, payload)
}
