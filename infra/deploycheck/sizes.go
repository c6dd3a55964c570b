package deploycheck

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// AWS's limits, in characters or bytes. None of these can be raised by more than a
// request to AWS, and most not at all.
const (
	inlineLimit      = 10240   // of all inline policies of a role, without blanks
	managedLimit     = 6144    // of a managed policy, without blanks
	attachedLimit    = 10      // managed policies of a role
	trustLimit       = 2048    // of a role's trust policy
	environmentLimit = 4096    // of a function's environment
	parameterLimit   = 4096    // of a parameter's value
	templateLimit    = 1 << 20 // of a template that comes from a bucket
	resourceLimit    = 500
	outputLimit      = 200
	parametersLimit  = 200
	widgetLimit      = 500     // of a dashboard
	bodyLimit        = 500_000 // of a dashboard's body
	descriptionLimit = 1024    // of an alarm or a template
	ssmLimit         = 4096    // of a standard parameter in SSM
)

// Sizes finds what is longer than AWS takes.
func Sizes(d Deployed) []Problem {
	var found []Problem
	for _, name := range names(d.Resources) {
		r := d.Resources[name]
		switch r.Type {
		case "AWS::IAM::Role":
			found = append(found, d.roleSizes(name, r)...)
		case "AWS::IAM::ManagedPolicy":
			found = append(found, over(name, "the policy", compact(r.Properties["PolicyDocument"]), managedLimit)...)
		case "AWS::Lambda::Function":
			found = append(found, over(name, "the environment", Environment(r), environmentLimit)...)
		case "AWS::SSM::Parameter":
			value, _ := r.Properties["Value"].(string)
			found = append(found, over(name, "the value", len(value), ssmLimit)...)
		case "AWS::CloudWatch::Dashboard":
			found = append(found, dashboardSizes(name, r)...)
		case "AWS::CloudWatch::Alarm":
			description, _ := r.Properties["AlarmDescription"].(string)
			found = append(found, over(name, "the description", len(description), descriptionLimit)...)
		}
	}
	found = append(found, over("the stack", "the resources", len(d.Resources), resourceLimit)...)
	return append(found, over("the stack", "the outputs", len(d.Outputs), outputLimit)...)
}

// TemplateSizes finds what is longer than CloudFormation takes of the template itself.
func TemplateSizes(t Template, text []byte) []Problem {
	found := over("the template", "it", len(text), templateLimit)
	found = append(found, over("the template", "the parameters", len(t.Parameters), parametersLimit)...)
	for _, name := range names(t.Parameters) {
		p := t.Parameters[name]
		if p.MaxLength > parameterLimit {
			found = append(found, problem(name, "its MaxLength is over CloudFormation's own %d", parameterLimit))
		}
		found = append(found, over(name, "the description", len(p.Description), 4000)...)
		found = append(found, over(name, "the constraint's description", len(p.ConstraintDescription), 4000)...)
	}
	return found
}

func (d Deployed) roleSizes(name string, r Resource) []Problem {
	managed, inline := len(texts(r.Properties["ManagedPolicyArns"])), 0
	for _, p := range d.policies(name) {
		if !p.managed {
			inline += compact(p.document)
		} else if p.carrier != name {
			managed++
		}
	}
	found := over(name, "all inline policies", inline, inlineLimit)
	found = append(found, over(name, "the managed policies", managed, attachedLimit)...)
	return append(found, over(name, "the trust policy", compact(r.Properties["AssumeRolePolicyDocument"]), trustLimit)...)
}

// Environment is how much a function's variables take of what Lambda allows, which
// measures them as one JSON object (its error quotes it).
func Environment(r Resource) int {
	variables := at(r.Properties["Environment"], "Variables")
	if variables == nil {
		return 0
	}
	text := &strings.Builder{}
	encoder := json.NewEncoder(text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(variables); err != nil {
		refuse("an environment is not JSON: %v", err)
	}
	return text.Len() - len("\n")
}

func dashboardSizes(name string, r Resource) []Problem {
	body := fmt.Sprint(r.Properties["DashboardBody"])
	var parsed struct{ Widgets []any }
	if err := json.Unmarshal([]byte(body), &parsed); err != nil {
		return []Problem{problem(name, "its body is not JSON: %v", err)}
	}
	return append(over(name, "the body", len(body), bodyLimit), over(name, "the widgets", len(parsed.Widgets), widgetLimit)...)
}

func over(name, what string, is, most int) []Problem {
	if is <= most {
		return nil
	}
	return []Problem{problem(name, "%s: %d, and AWS takes %d", what, is, most)}
}

// compact is the length of a policy as IAM counts it, without blanks.
func compact(document any) int {
	text, err := json.Marshal(document)
	if err != nil {
		refuse("a policy is not JSON: %v", err)
	}
	n := 0
	for _, r := range string(text) {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}
