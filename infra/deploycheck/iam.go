package deploycheck

import (
	"regexp"
	"slices"
	"strings"
)

// statement is one of a policy.
type statement struct {
	effect             string
	actions, resources []string
	principals         []string // of a resource's policy: services, accounts
	condition          any
}

func statements(document any) []statement {
	var found []statement
	for _, s := range listed(at(document, "Statement")) {
		one := statement{actions: texts(at(s, "Action")), resources: texts(at(s, "Resource")), condition: at(s, "Condition")}
		one.effect, _ = at(s, "Effect").(string)
		principal := at(s, "Principal")
		if text, ok := principal.(string); ok {
			one.principals = []string{text}
		}
		for _, kind := range []string{"Service", "AWS"} {
			one.principals = append(one.principals, texts(at(principal, kind))...)
		}
		found = append(found, one)
	}
	return found
}

// allows reports whether a statement allows an action on a resource. Conditions are taken to
// hold: what they narrow is the business of whoever wrote them.
func (s statement) allows(action, resource string) bool {
	return s.effect == "Allow" && slices.ContainsFunc(s.actions, func(a string) bool { return like(strings.ToLower(a), strings.ToLower(action)) }) &&
		slices.ContainsFunc(s.resources, func(r string) bool { return like(r, resource) })
}

// like compares as IAM does: * is any text, ? any character.
func like(pattern, text string) bool {
	quoted := regexp.QuoteMeta(pattern)
	quoted = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(quoted)
	return regexp.MustCompile(`(?s)^` + quoted + `$`).MatchString(text)
}

// identity is a policy of a role: which resource of the template carries it, and what
// it says.
type identity struct {
	carrier  string // the role itself, or a policy apart
	document any
	managed  bool
}

// policies are those of a role, by its logical ID.
func (d Deployed) policies(role string) []identity {
	var found []identity
	properties := d.Resources[role].Properties
	for _, p := range listed(properties["Policies"]) {
		found = append(found, identity{role, at(p, "PolicyDocument"), false})
	}
	attached := texts(properties["ManagedPolicyArns"])
	name := d.Place.reference("AWS::IAM::Role", role)
	for _, other := range names(d.Resources) {
		r := d.Resources[other]
		managed := r.Type == "AWS::IAM::ManagedPolicy"
		if !managed && r.Type != "AWS::IAM::Policy" {
			continue
		}
		_, arn := d.Place.physical(r.Type, other)
		if slices.Contains(texts(r.Properties["Roles"]), name) || managed && slices.Contains(attached, arn) {
			found = append(found, identity{other, r.Properties["PolicyDocument"], managed})
		}
	}
	return found
}

// mayBefore says why a role is not sure to be allowed an action by the time a resource is
// made; empty when it is. A policy apart counts only if the resource waits for it.
func (d Deployed) mayBefore(role, action, on, made string) string {
	late := ""
	for _, p := range d.policies(role) {
		for _, s := range statements(p.document) {
			if !s.allows(action, on) {
				continue
			}
			if p.carrier == role || d.Before(p.carrier, made) {
				return ""
			}
			late = p.carrier
		}
	}
	if late != "" {
		return role + " is allowed " + action + " by " + late + ", which " + made + " does not wait for: a race"
	}
	return role + " may not " + action + " on " + on
}

// lets reports whether a resource's policy, of that type, lets a service do something.
func (d Deployed) lets(policyType, service, action, on string) bool {
	for _, name := range d.Of(policyType) {
		for _, s := range statements(d.Resources[name].Properties["PolicyDocument"]) {
			if s.allows(action, on) && slices.Contains(s.principals, service) {
				return true
			}
		}
	}
	return false
}

// trusts reports whether a service may assume a role.
func (d Deployed) trusts(role, service string) bool {
	return slices.ContainsFunc(statements(d.Resources[role].Properties["AssumeRolePolicyDocument"]), func(s statement) bool {
		return s.effect == "Allow" && slices.Contains(s.actions, "sts:AssumeRole") && slices.Contains(s.principals, service)
	})
}

// byARN returns the logical ID of the resource of the template with that ARN or name.
func (d Deployed) byARN(value any) (string, bool) {
	text, _ := value.(string)
	if text == "" {
		return "", false
	}
	for _, name := range names(d.Resources) {
		physical, arn := d.Place.physical(d.Resources[name].Type, name)
		if text == arn || text == physical || text == d.Place.reference(d.Resources[name].Type, name) {
			return name, true
		}
	}
	return "", false
}

// Actions are those that a role is allowed on anything.
func (d Deployed) Actions(role string) []string {
	var all []string
	for _, p := range d.policies(role) {
		for _, s := range statements(p.document) {
			if s.effect == "Allow" {
				all = append(all, s.actions...)
			}
		}
	}
	return all
}

// May reports whether a role is allowed an action on a resource, conditions apart.
func (d Deployed) May(role, action, on string) bool {
	return slices.ContainsFunc(d.policies(role), func(p identity) bool {
		return slices.ContainsFunc(statements(p.document), func(s statement) bool { return s.allows(action, on) })
	})
}
