package scale

import "github.com/lockwarden/lockwarden/infra/expression"

// Item is a row as DynamoDB's JSON has it: {"S": text} or {"N": number} by attribute.
type Item map[string]map[string]string

// value is that of an attribute as expressions see it. Nothing but texts and numbers can be
// compared.
func (i Item) value(name string) (expression.Value, bool) {
	v, there := i[name]
	number, is := v["N"]
	if is {
		return expression.Value{Text: number, Number: true}, true
	}
	return expression.Value{Text: v["S"]}, there
}

// holds reports whether an expression of a request holds for an item.
func (r request) holds(text string, item Item) (bool, error) {
	return expression.Holds(text, expression.Scope{Names: r.ExpressionAttributeNames, Placeholder: r.ExpressionAttributeValues.value, Attribute: item.value})
}
