package scale

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Item is a row as DynamoDB's JSON has it: {"S": text} or {"N": number} by attribute.
type Item map[string]map[string]string

// expression is a condition or filter: attribute_exists, attribute_not_exists,
// begins_with, contains, comparisons, BETWEEN, AND, OR and parentheses. AND and OR bind as in DynamoDB.
type expression struct {
	tokens []string
	names  map[string]string
	values Item
}

var token = regexp.MustCompile(`\s*(<=|>=|<>|[(),<>=]|[#:\w]+)`)

// parsed are the tokens of the expressions that were met: a query asks the same one of
// every row.
var parsed sync.Map

// tokens splits an expression.
func tokens(text string) ([]string, error) {
	if known, ok := parsed.Load(text); ok {
		return known.([]string), nil
	}
	var list []string
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		m := token.FindStringSubmatchIndex(rest)
		if m == nil || m[0] != 0 {
			return nil, fmt.Errorf("cannot read %q at %q", text, rest)
		}
		list = append(list, rest[m[2]:m[3]])
		rest = rest[m[1]:]
	}
	parsed.Store(text, list)
	return list, nil
}

// holds evaluates an expression over an item. An empty one holds.
func holds(text string, names map[string]string, values, item Item) (ok bool, err error) {
	if text == "" {
		return true, nil
	}
	e := &expression{names: names, values: values}
	if e.tokens, err = tokens(text); err != nil {
		return false, err
	}
	ok, err = e.or(item)
	if err == nil && len(e.tokens) > 0 {
		err = fmt.Errorf("%q has more than an expression: %q", text, e.tokens)
	}
	return ok, err
}

func (e *expression) next() string {
	if len(e.tokens) == 0 {
		return ""
	}
	t := e.tokens[0]
	e.tokens = e.tokens[1:]
	return t
}

func (e *expression) take(word string) bool {
	if len(e.tokens) == 0 || e.tokens[0] != word {
		return false
	}
	e.tokens = e.tokens[1:]
	return true
}

func (e *expression) or(item Item) (bool, error) {
	ok, err := e.and(item)
	for err == nil && e.take("OR") {
		var right bool
		right, err = e.and(item)
		ok = ok || right
	}
	return ok, err
}

func (e *expression) and(item Item) (bool, error) {
	ok, err := e.term(item)
	for err == nil && e.take("AND") {
		var right bool
		right, err = e.term(item)
		ok = ok && right
	}
	return ok, err
}

func (e *expression) term(item Item) (bool, error) {
	if e.take("(") {
		ok, err := e.or(item)
		if err == nil && !e.take(")") {
			err = errors.New("a parenthesis is open")
		}
		return ok, err
	}
	switch word := e.next(); word {
	case "attribute_exists", "attribute_not_exists", "begins_with", "contains":
		return e.function(word, item)
	default:
		return e.comparison(word, item)
	}
}

func (e *expression) function(name string, item Item) (bool, error) {
	if !e.take("(") {
		return false, fmt.Errorf("%s without arguments", name)
	}
	value, there := item[e.name(e.next())]
	ok := there
	switch name {
	case "attribute_not_exists":
		ok = !there
	case "begins_with", "contains":
		if !e.take(",") {
			return false, fmt.Errorf("%s without a second argument", name)
		}
		holds := map[string]func(s, part string) bool{"begins_with": strings.HasPrefix, "contains": strings.Contains}[name]
		ok = there && holds(value["S"], e.values[e.next()]["S"])
	}
	if !e.take(")") {
		return false, fmt.Errorf("%s is not closed", name)
	}
	return ok, nil
}

func (e *expression) comparison(name string, item Item) (bool, error) {
	operator, operand := e.next(), e.next()
	if operator == "BETWEEN" {
		return e.between(name, operand, item)
	}
	right, ok := e.values[operand]
	if !ok {
		return false, fmt.Errorf("there is no value %q", operand)
	}
	left, there := item[e.name(name)]
	if !there {
		return false, nil
	}
	order, err := compare(left, right)
	if err != nil {
		return false, err
	}
	switch operator {
	case "=":
		return order == 0, nil
	case "<>":
		return order != 0, nil
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	case ">=":
		return order >= 0, nil
	}
	return false, fmt.Errorf("there is no operator %q", operator)
}

// between is `name BETWEEN lowest AND highest`, both included.
func (e *expression) between(name, lowest string, item Item) (bool, error) {
	if !e.take("AND") {
		return false, errors.New("BETWEEN without AND")
	}
	value, there := item[e.name(name)]
	if !there {
		e.next()
		return false, nil
	}
	low, err := compare(e.values[lowest], value)
	if err != nil {
		return false, err
	}
	high, err := compare(value, e.values[e.next()])
	return low <= 0 && high <= 0, err
}

func compare(left, right map[string]string) (int, error) {
	l, lok := left["N"]
	r, rok := right["N"]
	if !lok || !rok {
		return strings.Compare(left["S"], right["S"]), nil
	}
	x, err := strconv.ParseFloat(l, 64)
	if err != nil {
		return 0, err
	}
	y, err := strconv.ParseFloat(r, 64)
	switch {
	case err != nil:
		return 0, err
	case x < y:
		return -1, nil
	case x > y:
		return 1, nil
	}
	return 0, nil
}

func (e *expression) name(word string) string {
	if real, ok := e.names[word]; ok {
		return real
	}
	return word
}
