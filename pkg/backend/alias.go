package backend

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// MaxAliases is how many other names of a state are looked at. Clients use one or two; whoever
// may write the rows of one prefix can make any number of them, of any state.
const MaxAliases = 20

// ManyAliases reports whether a state has more other names than that. Names that climb are not counted.
func ManyAliases(names []tflock.Path) bool { return plainNames(names) > MaxAliases }

func plainNames(names []tflock.Path) int {
	n := 0
	for _, name := range names {
		if !name.LocksOnly() {
			n++
		}
	}
	return n
}

// maxAliasBytes bounds the names that are kept for the states of one top-level prefix: some
// ten thousand. Clients use a few, and whoever may write its rows can make any number. Where there are more,
// those of each folder come in turn, since teams may share the first part of their keys (branches/, env:/).
const maxAliasBytes = 1 << 20

// Aliases are the other names under which tables have rows (locks or digests) of states:
// those whose cleaned path is the state's ([tflock.Path.Clean]), and those that begin with an access point
// and end with its key ([tflock.Path.AccessPointKey]). The zero value has none.
type Aliases struct {
	names map[tflock.Path][]tflock.Path // by the state's path
	bytes map[string]int                // that names take, by the prefix of those who can write them
	full  tflock.Crowds                 // folders with names that are not kept

	points accessPoints // those that names begin with whose keys are clean

	digests *Aliases // those of the names behind access points that have a digest, bounded like names
}

// DigestNames returns the names that begin with an access point under which a table may have a digest of a state, at most MaxAliases and
// one of each access point.
func (a *Aliases) DigestNames(path tflock.Path) []tflock.Path {
	names := a.points.names(path)
	if a.digests != nil {
		names = append(names, a.digests.names[pathBehind(path.Key())]...)
	}
	return names
}

// keepDigested notes such a digest.
func (a *Aliases) keepDigested(behind, name tflock.Path) {
	if a.digests == nil {
		a.digests = &Aliases{}
	}
	if names := a.digests.names[behind]; len(names) < MaxAliases && !slices.Contains(names, name) {
		a.digests.keep(behind, name)
	}
}

// Of returns the other names of a state: of one with more than MaxAliases, one more than that. Those that begin with an access point may
// have no row.
func (a *Aliases) Of(path tflock.Path) []tflock.Path {
	return append(a.kept(path), a.points.names(path)...)
}

func (a *Aliases) kept(path tflock.Path) []tflock.Path {
	return slices.Concat(a.names[path], a.names[pathBehind(path.Key())])
}

// pathBehind is where the names of a state are kept that begin with an access point: it may lead to any bucket.
func pathBehind(key string) tflock.Path { return tflock.NewPath("", key) }

// Full returns the folder that a state is in whose rows have too many names, if any: the state may have
// names which are not known.
func (a *Aliases) Full(path tflock.Path) (folder tflock.Path, full bool) {
	if point, full := a.points.full(); full {
		return tflock.Path(point), true
	}
	return a.full.Of(path)
}

// All returns every name that is known, in no order.
func (a *Aliases) All() iter.Seq[tflock.Path] {
	return func(yield func(tflock.Path) bool) {
		for path, names := range a.names {
			for _, name := range names {
				if path.Valid() && !yield(name) {
					return
				}
			}
		}
	}
}

// alias is a name of a state.
type alias struct{ path, name tflock.Path }

func (a alias) weight() int { return len(a.path) + len(a.name) }

// writers is where those may write who made it: a name that climbs, or begins with an access point, counts for what it begins with.
func (a alias) writers() tflock.Path {
	if a.name.LocksOnly() {
		return a.name
	}
	return a.path
}

// keep notes a name of a state, but none of a folder that is full.
func (a *Aliases) keep(path, name tflock.Path) {
	if a.names == nil {
		a.names, a.bytes = map[tflock.Path][]tflock.Path{}, map[string]int{}
	}
	one := alias{path, name}
	if _, full := a.full.Of(one.writers()); full {
		return
	}
	prefix := one.writers().Prefix()
	a.bytes[prefix] += one.weight()
	a.names[path] = append(a.names[path], name)
	if a.bytes[prefix] > maxAliasBytes {
		a.halve(prefix)
	}
}

// halve drops names of a prefix. The folders that they are in are full from then on.
func (a *Aliases) halve(prefix string) {
	var all []alias
	for path, names := range a.names {
		for _, name := range names {
			if one := (alias{path, name}); one.writers().Prefix() == prefix {
				all = append(all, one)
			}
		}
	}
	slices.SortFunc(all, func(a, b alias) int { return cmp.Compare(a.name, b.name) })
	left := 0
	for _, one := range tflock.InTurns(all, alias.writers) {
		if left += one.weight(); left > maxAliasBytes/2 {
			a.full.Add(one.writers())
		}
	}
	a.bytes[prefix] = 0
	for _, one := range all {
		if _, full := a.full.Of(one.writers()); !full {
			a.bytes[prefix] += one.weight()
			continue
		}
		a.names[one.path] = slices.DeleteFunc(a.names[one.path], func(name tflock.Path) bool { return name == one.name })
		if len(a.names[one.path]) == 0 {
			delete(a.names, one.path)
		}
	}
}

// Add adds those of another table.
func (a *Aliases) Add(other Aliases) {
	for _, folder := range other.full.All() {
		a.full.Add(folder)
	}
	if other.digests != nil {
		for behind, names := range other.digests.names {
			for _, name := range names {
				a.keepDigested(behind, name)
			}
		}
	}
	a.points.add(other.points)
	for path, names := range other.names {
		for _, name := range names {
			if !slices.Contains(a.names[path], name) {
				a.keep(path, name)
			}
		}
	}
}

// Aliases returns the names that this table has of any state. It reads the whole table,
// consistently, and only names that can be aliases cross the network. A row whose name climbs
// counts only where it is a lock that can be read, and no larger than clients write (a scan may not read what is): clients can take such a lock, while
// whoever may write one prefix can write any other row of that kind, for a state of another team. One of
// them is given of each state. See docs/adr/0025. It fails with *Error.
func (t *Table) Aliases(ctx context.Context) (Aliases, error) {
	return t.aliases(ctx, false, func(tflock.Path) bool { return true })
}

// AliasesOf returns those of one state, as clients of Terraform up to 1.5 store it. Nothing is kept
// of others, which may be any number.
func (t *Table) AliasesOf(ctx context.Context, path tflock.Path) (Aliases, error) {
	return t.aliases(ctx, true, func(other tflock.Path) bool { return other == path || other == pathBehind(path.Key()) })
}

func (t *Table) aliases(ctx context.Context, ofOne bool, wanted func(tflock.Path) bool) (found Aliases, err error) {
	for row, err := range t.scan(ctx, &dynamodb.ScanInput{
		ConsistentRead:           aws.Bool(true),
		FilterExpression:         aws.String("contains(#key, :slashes) OR contains(#key, :dot) OR begins_with(#key, :arn) OR contains(#key, :alias)"),
		ProjectionExpression:     aws.String("#key, #info"),
		ExpressionAttributeNames: map[string]string{"#key": lockID, "#info": "Info"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":slashes": &types.AttributeValueMemberS{Value: "//"}, ":dot": &types.AttributeValueMemberS{Value: "/."},
			":arn": &types.AttributeValueMemberS{Value: "arn:"}, ":alias": &types.AttributeValueMemberS{Value: "-s3alias/"},
		},
	}) {
		if err != nil {
			return Aliases{}, err
		}
		name := stateName(row.lockID, row.attributes["Info"] != nil)
		if point := pointOf(name); point != "" && !ofOne {
			found.points.keep(point, strings.TrimPrefix(string(name), point))
			continue
		}
		for _, path := range statesOf(name) {
			if path != name && wanted(path) {
				found.note(t, row, path, name)
			}
		}
	}
	return found, nil
}

// note takes note of a row that has another name of a state.
func (a *Aliases) note(t *Table, row item, path, name tflock.Path) {
	if path.Bucket() == "" && row.attributes["Info"] == nil && !name.Climbs() {
		a.keepDigested(path, name)
	}
	if names := a.kept(path); !slices.Contains(names, name) && t.counts(name, row, names) {
		a.keep(path, name)
	}
}

// statesOf returns the states that a row of this name may be of. Clients of today do not clean a key.
func statesOf(name tflock.Path) []tflock.Path {
	key, through := name.AccessPointKey()
	if !through {
		return []tflock.Path{name.Clean()}
	}
	states := tflock.NewPath("-", key).Objects()
	for i, state := range states {
		states[i] = pathBehind(state.Key())
	}
	return states
}

// counts reports whether the name of a row is one more of a state that has these.
func (t *Table) counts(name tflock.Path, row item, names []tflock.Path) bool {
	plain := plainNames(names)
	if !name.LocksOnly() {
		return plain <= MaxAliases
	}
	h, holds := t.holding(row.attributes)
	return plain == len(names) && holds && h.Err == nil && len(h.Raw) <= tflock.UsualSize
}
