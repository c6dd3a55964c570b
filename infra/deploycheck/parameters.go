package deploycheck

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// Refused says what CloudFormation would say of these values of a template's parameters:
// nothing, where it would take them. Others have their defaults.
func Refused(t Template, values map[string]string) []Problem {
	var found []Problem
	for _, name := range names(values) {
		p, ok := t.Parameters[name]
		if !ok {
			found = append(found, problem(name, "there is no such parameter"))
		} else if why := p.refuses(values[name]); why != "" {
			found = append(found, problem(name, "%s: %s", why, p.ConstraintDescription))
		}
	}
	e := &evaluation{template: t, place: Place{Parameters: values}, conditions: map[string]bool{}}
	for _, name := range names(t.Rules) {
		rule := t.Rules[name]
		if rule.RuleCondition != nil && !e.truth(rule.RuleCondition) {
			continue
		}
		for _, a := range rule.Assertions {
			if !e.truth(a.Assert) {
				found = append(found, problem(name, "%s", a.AssertDescription))
			}
		}
	}
	return found
}

func (p Parameter) refuses(value string) string {
	if p.MaxLength > 0 && len([]rune(value)) > p.MaxLength {
		return fmt.Sprintf("it has %d characters, and %d are taken", len([]rune(value)), p.MaxLength)
	}
	if why := p.mismatch(value); why != "" {
		return why
	}
	if len(p.AllowedValues) > 0 && !slices.Contains(texts(p.AllowedValues), value) {
		return fmt.Sprintf("%q is none of %v", value, p.AllowedValues)
	}
	if p.Type == "Number" {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || p.MinValue != nil && n < *p.MinValue || p.MaxValue != nil && n > *p.MaxValue {
			return fmt.Sprintf("%q is not a number in its bounds", value)
		}
	}
	return ""
}

// mismatch says why a value is not what the pattern allows. CloudFormation reads it as Java
// does, with lookaheads; what Go cannot read could not be held against the functions.
func (p Parameter) mismatch(value string) string {
	pattern, err := regexp.Compile(p.AllowedPattern)
	switch {
	case err != nil:
		return "its pattern is in no syntax that Go shares with Java"
	case !pattern.MatchString(value):
		return fmt.Sprintf("%q does not match", value)
	}
	return ""
}

// Wordless finds the parameters whose refusal would show a regular expression to people:
// CloudFormation says ConstraintDescription in its place, where there is one.
func Wordless(t Template) []Problem {
	var found []Problem
	for _, name := range names(t.Parameters) {
		p := t.Parameters[name]
		if (p.AllowedPattern != "" || p.MaxLength > 0) && p.ConstraintDescription == "" {
			found = append(found, problem(name, "it refuses values, and says nothing but its pattern"))
		}
		if why := p.refuses(fmt.Sprint(p.Default)); why != "" {
			found = append(found, problem(name, "it refuses its own default: %s", why))
		}
	}
	return found
}
