// Package expression evaluates the conditions and filters of DynamoDB that Lockwarden
// uses, for the AWSs in memory: attribute_exists, attribute_not_exists, begins_with,
// contains, comparisons, BETWEEN, AND, OR and parentheses. AND binds stronger than OR. It
// projects and updates items too. Anything else is an error.
package expression

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Value is that of an attribute, or of a placeholder such as :now.
type Value struct {
	Text   string
	Number bool // it is a number in decimal
}

// Scope is what the words of an expression stand for.
type Scope struct {
	// Names are what placeholders such as #of stand for.
	Names map[string]string
	// Placeholder gives the value of a word such as :now.
	Placeholder func(word string) (Value, bool)
	// Attribute gives what the item has of that name.
	Attribute func(name string) (Value, bool)
}

// Name is the attribute that a word stands for.
func Name(word string, names map[string]string) string {
	if name, placeholder := names[word]; placeholder {
		return name
	}
	return word
}

// Project returns the attributes of an item that a projection names, such as `LockID, #of`; an empty
// one names all.
func Project[V any](item map[string]V, projection string, names map[string]string) map[string]V {
	if projection == "" {
		return item
	}
	projected := map[string]V{}
	for word := range strings.SplitSeq(projection, ",") {
		name := Name(strings.TrimSpace(word), names)
		if value, there := item[name]; there {
			projected[name] = value
		}
	}
	return projected
}

// Assign applies an update `SET #a = :a, …` to an item.
func Assign[V any](item map[string]V, update string, names map[string]string, values map[string]V) error {
	assignments, is := strings.CutPrefix(update, "SET ")
	if !is {
		return fmt.Errorf("only SET is known: %q", update)
	}
	for assignment := range strings.SplitSeq(assignments, ",") {
		word, placeholder, _ := strings.Cut(assignment, "=")
		value, known := values[strings.TrimSpace(placeholder)]
		if !known {
			return fmt.Errorf("there is no value %q", placeholder)
		}
		item[Name(strings.TrimSpace(word), names)] = value
	}
	return nil
}

// Holds evaluates an expression. An empty one holds.
func Holds(text string, of Scope) (bool, error) {
	if text == "" {
		return true, nil
	}
	words, err := wordsOf(text)
	if err != nil {
		return false, err
	}
	e := &evaluation{words, of}
	holds, err := e.or()
	if err == nil && len(e.words) > 0 {
		err = fmt.Errorf("%q has more than an expression: %q", text, e.words)
	}
	return holds, err
}

var word = regexp.MustCompile(`\s*(<=|>=|<>|[(),<>=]|[#:\w]+)`)

// split are the words of the expressions that were met: a query asks the same one of
// every row.
var split sync.Map

func wordsOf(text string) ([]string, error) {
	if known, found := split.Load(text); found {
		return known.([]string), nil //nolint:errcheck,forcetypeassert // nothing else is stored
	}
	var list []string
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		m := word.FindStringSubmatchIndex(rest)
		if m == nil || m[0] != 0 {
			return nil, fmt.Errorf("cannot read %q at %q", text, rest)
		}
		list = append(list, rest[m[2]:m[3]])
		rest = rest[m[1]:]
	}
	split.Store(text, list)
	return list, nil
}

// evaluation is what is left of an expression.
type evaluation struct {
	words []string
	of    Scope
}

func (e *evaluation) next() string {
	if len(e.words) == 0 {
		return ""
	}
	first := e.words[0]
	e.words = e.words[1:]
	return first
}

func (e *evaluation) take(wanted string) bool {
	if len(e.words) == 0 || e.words[0] != wanted {
		return false
	}
	e.words = e.words[1:]
	return true
}

func (e *evaluation) or() (bool, error) {
	holds, err := e.and()
	for err == nil && e.take("OR") {
		var right bool
		right, err = e.and()
		holds = holds || right
	}
	return holds, err
}

func (e *evaluation) and() (bool, error) {
	holds, err := e.term()
	for err == nil && e.take("AND") {
		var right bool
		right, err = e.term()
		holds = holds && right
	}
	return holds, err
}

func (e *evaluation) term() (bool, error) {
	if e.take("(") {
		holds, err := e.or()
		if err == nil && !e.take(")") {
			err = errors.New("a parenthesis is open")
		}
		return holds, err
	}
	switch first := e.next(); first {
	case "attribute_exists", "attribute_not_exists", "begins_with", "contains":
		return e.function(first)
	default:
		return e.comparison(first)
	}
}

func (e *evaluation) function(name string) (bool, error) {
	if !e.take("(") {
		return false, fmt.Errorf("%s without arguments", name)
	}
	value, there := e.attribute(e.next())
	holds := there
	switch name {
	case "attribute_not_exists":
		holds = !there
	case "begins_with", "contains":
		if !e.take(",") {
			return false, fmt.Errorf("%s without a second argument", name)
		}
		part, err := e.placeholder(e.next())
		if err != nil {
			return false, err
		}
		matches := strings.Contains
		if name == "begins_with" {
			matches = strings.HasPrefix
		}
		holds = there && matches(value.Text, part.Text)
	}
	if !e.take(")") {
		return false, fmt.Errorf("%s is not closed", name)
	}
	return holds, nil
}

func (e *evaluation) comparison(name string) (bool, error) {
	left, there := e.attribute(name)
	operator := e.next()
	right, err := e.placeholder(e.next())
	if err != nil {
		return false, err
	}
	if operator == "BETWEEN" {
		return e.between(left, there, right)
	}
	if !there || left.Number != right.Number {
		return operator == "<>", nil // as DynamoDB compares what is not there, or of another type
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
func (e *evaluation) between(value Value, there bool, lowest Value) (bool, error) {
	if !e.take("AND") {
		return false, errors.New("BETWEEN without AND")
	}
	highest, err := e.placeholder(e.next())
	if err != nil || !there {
		return false, err
	}
	low, err := compare(lowest, value)
	if err != nil {
		return false, err
	}
	high, err := compare(value, highest)
	return low <= 0 && high <= 0, err
}

func (e *evaluation) attribute(word string) (Value, bool) {
	return e.of.Attribute(Name(word, e.of.Names))
}

func (e *evaluation) placeholder(word string) (Value, error) {
	v, known := e.of.Placeholder(word)
	if !known {
		return v, fmt.Errorf("there is no value %q", word)
	}
	return v, nil
}

func compare(left, right Value) (int, error) {
	if !left.Number || !right.Number {
		return strings.Compare(left.Text, right.Text), nil
	}
	x, err := strconv.ParseFloat(left.Text, 64)
	if err != nil {
		return 0, err
	}
	y, err := strconv.ParseFloat(right.Text, 64)
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
