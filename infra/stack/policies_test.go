package stack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/deploycheck"
)

// wholesale are the actions that AWS lets nobody narrow to a resource, with the
// condition key that bounds them in its place. Nothing bounds the two that list names,
// which a role has only where a name with * is watched, the one that reads metrics, and the
// two that ask for runs.
var wholesale = map[string]string{"cloudwatch:PutMetricData": "cloudwatch:namespace", "cloudwatch:GetMetricData": "", "dynamodb:ListTables": "", "s3:ListAllMyBuckets": "", "codebuild:ListBuilds": "", "ec2:DescribeInstances": ""}

// Policies name what they allow: no action and no resource with nothing but a
// wildcard, and nothing by exclusion.
func TestPoliciesNameActionsAndResources(t *testing.T) {
	seen := 0
	for _, s := range grants(load(t)) {
		seen++
		for _, by := range []string{"NotAction", "NotResource"} {
			if s.raw[by] != nil {
				t.Errorf("%s: %s allows what it does not name", s.of, by)
			}
		}
		for _, action := range s.actions {
			if strings.Contains(action, "*") {
				t.Errorf("%s: action %s", s.of, action)
			}
		}
		for _, resource := range s.resources {
			if resource != "*" {
				continue
			}
			for _, action := range s.actions {
				if bound, ok := wholesale[action]; !ok || !strings.Contains(fmt.Sprint(s.raw["Condition"]), bound) {
					t.Errorf("%s: %s on every resource", s.of, action)
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d statements were found", seen)
	}
}

// Every role is for one service of AWS, which nothing else may be.
func TestRolesAreForOneService(t *testing.T) {
	template := load(t)
	for _, name := range template.Of("AWS::IAM::Role") {
		for _, s := range statements(name, template.Resources[name].Properties["AssumeRolePolicyDocument"]) {
			principal, _ := s.raw["Principal"].(map[string]any)
			if services := list(principal["Service"]); len(principal) != 1 || len(services) != 1 || !strings.HasSuffix(services[0], ".amazonaws.com") {
				t.Errorf("%s trusts %v", name, s.raw["Principal"])
			}
		}
		attached, _ := template.Resources[name].Properties["ManagedPolicyArns"].([]any)
		for _, policy := range attached {
			ref, _ := policy.(map[string]any)
			if own, _ := ref["Ref"].(string); template.Resources[own].Type != "AWS::IAM::ManagedPolicy" {
				t.Errorf("%s has a policy that is not in the template: %v", name, policy)
			}
		}
	}
}

type grant struct {
	of                 string // the resource and policy that it stands in
	roles              any    // whom a policy apart is attached to
	actions, resources []string
	raw                map[string]any
}

// grants are the statements of all identity policies.
func grants(template deploycheck.Template) []grant {
	var found []grant
	for name, r := range template.Resources {
		switch r.Type {
		case "AWS::IAM::Role":
			policies, _ := r.Properties["Policies"].([]any)
			for _, p := range policies {
				policy, _ := p.(map[string]any)
				found = append(found, statements(fmt.Sprint(name, " ", policy["PolicyName"]), policy["PolicyDocument"])...)
			}
		case "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy":
			for _, g := range statements(name, r.Properties["PolicyDocument"]) {
				g.roles = r.Properties["Roles"]
				found = append(found, g)
			}
		}
	}
	slices.SortFunc(found, func(a, b grant) int { return strings.Compare(a.of, b.of) })
	return found
}

func statements(of string, document any) []grant {
	d, _ := document.(map[string]any)
	var found []grant
	for _, s := range d["Statement"].([]any) {
		raw, _ := s.(map[string]any)
		found = append(found, grant{of: of, actions: list(raw["Action"]), resources: list(raw["Resource"]), raw: raw})
	}
	return found
}

// list returns a policy's value that may be one or several. What an intrinsic function
// makes counts as one that is not a bare wildcard.
func list(value any) []string {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, list(one)...)
		}
		return all
	case string:
		return []string{v}
	case map[string]any:
		if either, ok := v["Fn::If"].([]any); ok {
			return list(either[1:])
		}
		return []string{fmt.Sprint(v)}
	default:
		return []string{fmt.Sprint(v)}
	}
}
