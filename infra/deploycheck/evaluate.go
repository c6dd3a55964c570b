package deploycheck

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
)

// Place is where, and as what, a stack is deployed.
type Place struct {
	Region, Account, Stack string
	Parameters             map[string]string // others have their defaults
}

// Partition is the one of the region.
func (p Place) Partition() string {
	switch {
	case strings.HasPrefix(p.Region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(p.Region, "cn-"):
		return "aws-cn"
	default:
		return "aws"
	}
}

// Suffix is the domain of the partition's services.
func (p Place) Suffix() string {
	if p.Partition() == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// Deployed is a template as CloudFormation evaluates it: the resources that are there,
// with nothing but values in them, and what each of them refers to.
type Deployed struct {
	Place     Place
	Resources map[string]Resource
	Outputs   map[string]any
	needs     map[string][]string // the resources that each one waits for, directly
}

// Evaluate returns what a template deploys in that place. Names that AWS makes up are as
// long as AWS makes them. Its error names an intrinsic function or a name that it does
// not know, as CloudFormation's would.
func Evaluate(t Template, place Place) (d Deployed, err error) {
	e := &evaluation{template: t, place: place, conditions: map[string]bool{}}
	defer func() {
		if r := recover(); r != nil {
			failed, ok := r.(unknown)
			if !ok {
				panic(r)
			}
			err = failed
		}
	}()
	d = Deployed{Place: place, Resources: map[string]Resource{}, Outputs: map[string]any{}, needs: map[string][]string{}}
	for _, name := range names(t.Resources) {
		r := t.Resources[name]
		if !e.holds(r.Condition) {
			continue
		}
		e.seen = map[string]bool{}
		properties, _ := e.value(r.Properties).(map[string]any)
		for _, other := range texts(r.DependsOn) {
			e.seen[other] = true
		}
		delete(e.seen, name)
		r.Properties = properties
		d.Resources[name] = r
		d.needs[name] = names(e.seen)
	}
	for _, name := range names(t.Outputs) {
		if o := t.Outputs[name]; e.holds(o.Condition) {
			d.Outputs[name] = e.value(o.Value)
		}
	}
	return d, nil
}

// Of returns the names of the resources of a type, sorted.
func (d Deployed) Of(resourceType string) []string {
	return Template{Resources: d.Resources}.Of(resourceType)
}

// Before reports whether a resource is surely there before another: whether that one
// refers to it or depends on it, itself or through others.
func (d Deployed) Before(first, then string) bool {
	seen := map[string]bool{}
	var reaches func(from string) bool
	reaches = func(from string) bool {
		if seen[from] {
			return false
		}
		seen[from] = true
		for _, needed := range d.needs[from] {
			if needed == first || reaches(needed) {
				return true
			}
		}
		return false
	}
	return reaches(then)
}

// removed stands for AWS::NoValue until it is taken out of what it is in.
type removed struct{}

// unknown is what CloudFormation would not take.
type unknown struct{ error }

func refuse(format string, args ...any) { panic(unknown{fmt.Errorf(format, args...)}) }

type evaluation struct {
	template   Template
	place      Place
	conditions map[string]bool
	seen       map[string]bool // resources that the present one refers to
}

// holds reports whether a condition does; an empty name is no condition.
func (e *evaluation) holds(name string) bool {
	if name == "" {
		return true
	}
	known, ok := e.conditions[name]
	if !ok {
		expression, defined := e.template.Conditions[name]
		if !defined {
			refuse("there is no condition %s", name)
		}
		known = e.truth(expression)
		e.conditions[name] = known
	}
	return known
}

func (e *evaluation) truth(expression any) bool {
	m, _ := expression.(map[string]any)
	for key, v := range m {
		args := listed(v)
		switch key {
		case "Condition":
			return e.holds(fmt.Sprint(v))
		case "Fn::Equals":
			return fmt.Sprint(e.value(args[0])) == fmt.Sprint(e.value(args[1]))
		case "Fn::Not":
			return !e.truth(args[0])
		case "Fn::And", "Fn::Or":
			for _, arg := range args {
				if e.truth(arg) != (key == "Fn::And") {
					return key == "Fn::Or"
				}
			}
			return key == "Fn::And"
		}
	}
	refuse("%v is no condition", expression)
	return false
}

// value evaluates whatever stands in a template.
func (e *evaluation) value(v any) any {
	switch v := v.(type) {
	case []any:
		all := make([]any, 0, len(v))
		for _, one := range v {
			if one := e.value(one); one != (removed{}) {
				all = append(all, one)
			}
		}
		return all
	case map[string]any:
		if function, arg, ok := intrinsic(v); ok {
			return e.call(function, arg)
		}
		all := make(map[string]any, len(v))
		for key, one := range v {
			if one := e.value(one); one != (removed{}) {
				all[key] = one
			}
		}
		return all
	default:
		return v
	}
}

// intrinsic reports whether an object is the call of a function.
func intrinsic(v map[string]any) (function string, arg any, ok bool) {
	for function, arg = range v {
		ok = len(v) == 1 && (function == "Ref" || strings.HasPrefix(function, "Fn::"))
	}
	return function, arg, ok
}

func (e *evaluation) call(function string, arg any) any {
	args := listed(arg)
	switch function {
	case "Ref":
		return e.ref(fmt.Sprint(arg))
	case "Fn::GetAtt":
		if text, ok := arg.(string); ok {
			name, attribute, _ := strings.Cut(text, ".")
			return e.attribute(name, attribute)
		}
		return e.attribute(fmt.Sprint(args[0]), fmt.Sprint(args[1]))
	case "Fn::If":
		if e.holds(fmt.Sprint(args[0])) {
			return e.value(args[1])
		}
		return e.value(args[2])
	case "Fn::Join":
		return strings.Join(texts(e.value(args[1])), fmt.Sprint(args[0]))
	case "Fn::Split":
		var parts []any
		for _, part := range strings.Split(fmt.Sprint(e.value(args[1])), fmt.Sprint(args[0])) {
			parts = append(parts, part)
		}
		return parts
	case "Fn::Select":
		index, err := strconv.Atoi(fmt.Sprint(args[0]))
		list := listed(e.value(args[1]))
		if err != nil || index < 0 || index >= len(list) {
			refuse("Fn::Select cannot take element %v of %v", args[0], list)
		}
		return list[index]
	case "Fn::Sub":
		return e.substitute(args)
	default:
		refuse("%s is not known here", function)
		return nil
	}
}

var variable = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

func (e *evaluation) substitute(args []any) string {
	own := map[string]any{}
	if len(args) > 1 {
		maps.Copy(own, args[1].(map[string]any))
	}
	filled := variable.ReplaceAllStringFunc(fmt.Sprint(args[0]), func(match string) string {
		name := match[2 : len(match)-1]
		if v, ok := own[name]; ok {
			return fmt.Sprint(e.value(v))
		}
		if resource, attribute, ok := strings.Cut(name, "."); ok {
			return fmt.Sprint(e.attribute(resource, attribute))
		}
		return fmt.Sprint(e.ref(name))
	})
	return strings.ReplaceAll(filled, "${!", "${") // what was escaped
}

func (e *evaluation) ref(name string) any {
	p := e.place
	switch name {
	case "AWS::NoValue":
		return removed{}
	case "AWS::Region":
		return p.Region
	case "AWS::AccountId":
		return p.Account
	case "AWS::Partition":
		return p.Partition()
	case "AWS::URLSuffix":
		return p.Suffix()
	case "AWS::StackName":
		return p.Stack
	case "AWS::StackId":
		return p.arn("cloudformation", "stack/"+p.Stack+"/"+p.unique())
	}
	if parameter, ok := e.template.Parameters[name]; ok {
		value := fmt.Sprint(parameter.Default)
		if set, ok := p.Parameters[name]; ok {
			value = set
		}
		if strings.HasPrefix(parameter.Type, "CommaDelimitedList") {
			return e.call("Fn::Split", []any{",", value})
		}
		return value
	}
	return p.reference(e.resource(name), name)
}

func (e *evaluation) attribute(name, attribute string) any {
	return e.place.attribute(e.resource(name), name, attribute)
}

// resource is the one of that name, which the present one waits for.
func (e *evaluation) resource(name string) string {
	r, ok := e.template.Resources[name]
	if !ok {
		refuse("there is no resource or parameter %s", name)
	}
	if !e.holds(r.Condition) {
		refuse("%s is referred to, and its condition does not hold", name)
	}
	if e.seen != nil {
		e.seen[name] = true
	}
	return r.Type
}
