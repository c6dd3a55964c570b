package expression_test

import (
	"testing"

	"github.com/lockwarden/lockwarden/infra/expression"
)

var item = map[string]expression.Value{"Path": {Text: "states/prod"}, "until": {Text: "9", Number: true}}

func evaluate(text string) (bool, error) {
	values := map[string]expression.Value{":prod": {Text: "states/prod"}, ":states": {Text: "states/"}, ":nine": {Text: "9", Number: true}, ":ten": {Text: "10", Number: true}}
	return expression.Holds(text, expression.Scope{
		Names:       map[string]string{"#u": "until", "#none": "none"},
		Placeholder: func(word string) (v expression.Value, ok bool) { v, ok = values[word]; return },
		Attribute:   func(name string) (v expression.Value, ok bool) { v, ok = item[name]; return },
	})
}

// The results are those that DynamoDB gives.
func TestExpressions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"":                                         true,
		"Path = :prod":                             true,
		"begins_with(Path, :states)":               true,
		"begins_with ( Path,:prod )":               true,
		"contains(Path, :nine)":                    false,
		"#u < :ten":                                true, // as numbers; as texts it would not be
		"#u >= :nine AND #u<=:nine":                true,
		"#u BETWEEN :nine AND :ten":                true,
		"#u BETWEEN :ten AND :ten":                 false,
		"#none BETWEEN :nine AND :ten":             false,
		"attribute_not_exists(#none)":              true,
		"attribute_exists(#u)":                     true,
		"#none = :nine":                            false,
		"#none <> :nine":                           true,  // what is not there differs from everything
		"#u = :prod":                               false, // a number is not a text
		"#u = :ten AND #u = :ten OR #u = :nine":    true,  // AND binds stronger
		"#u = :nine OR #u = :nine AND #u = :ten":   true,
		"(#u = :nine OR #u = :nine) AND #u = :ten": false,
	} {
		if got, err := evaluate(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestWhatIsNotKnownIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"#u = :none", "size(#u) = :nine", "#u = :nine #u", "(#u = :nine", "#u ~ :nine", "attribute_exists #u", "begins_with(Path)", "#u BETWEEN :nine", "NOT #u = :nine", "attribute_exists(#u"} {
		if got, err := evaluate(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
