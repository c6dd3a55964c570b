package backend

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// MaxAliases is how many other names of a state are looked at. Clients use one or two; whoever
// may write the rows of one prefix can make any number of them, of any state.
const MaxAliases = 20

// ManyAliases says whether a state has more other names than that. Names that climb are not counted.
func ManyAliases(names []tflock.Path) bool { return plainNames(names) > MaxAliases }

func plainNames(names []tflock.Path) int {
	n := 0
	for _, name := range names {
		if !name.Climbs() {
			n++
		}
	}
	return n
}

// Aliases gives the other names under which a table has rows (locks or digests) of a
// state: by the state's path (bucket/key), the names whose cleaned path it is; see
// [tflock.Path.Clean]. It reads the whole table, consistently, and only names that can be
// aliases cross the network. Of a state with more than MaxAliases it gives one more than that. A row
// whose name climbs counts only where it is a lock that can be read: clients can take such a lock, while
// whoever may write one prefix can write any other row of that kind, for a state of another team. One of
// them is given of each state. See docs/adr/0025. It fails with *Error.
func (t *Table) Aliases(ctx context.Context) (map[tflock.Path][]tflock.Path, error) {
	return t.aliases(ctx, func(tflock.Path) bool { return true })
}

// AliasesOf gives those of one state, as clients of Terraform up to 1.5 store it. Nothing is kept
// of others, which may be any number.
func (t *Table) AliasesOf(ctx context.Context, path tflock.Path) ([]tflock.Path, error) {
	found, err := t.aliases(ctx, func(other tflock.Path) bool { return other == path })
	return found[path], err
}

func (t *Table) aliases(ctx context.Context, wanted func(tflock.Path) bool) (map[tflock.Path][]tflock.Path, error) {
	found := map[tflock.Path][]tflock.Path{}
	for row, err := range t.scan(ctx, &dynamodb.ScanInput{
		ConsistentRead:           aws.Bool(true),
		FilterExpression:         aws.String("contains(#key, :slashes) OR contains(#key, :dot)"),
		ProjectionExpression:     aws.String("#key, #info"),
		ExpressionAttributeNames: map[string]string{"#key": lockID, "#info": "Info"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":slashes": &types.AttributeValueMemberS{Value: "//"}, ":dot": &types.AttributeValueMemberS{Value: "/."},
		},
	}) {
		if err != nil {
			return nil, err
		}
		name := stateName(row.lockID, row.attributes["Info"] != nil)
		path := name.Clean()
		if path == name || !wanted(path) || slices.Contains(found[path], name) {
			continue
		}
		if t.counts(name, row, found[path]) {
			found[path] = append(found[path], name)
		}
	}
	return found, nil
}

// counts says whether the name of a row is one more of a state that has these.
func (t *Table) counts(name tflock.Path, row item, names []tflock.Path) bool {
	plain := plainNames(names)
	if !name.Climbs() {
		return plain <= MaxAliases
	}
	h, holds := t.holding(row.attributes)
	return plain == len(names) && holds && h.Err == nil
}
