package tfstate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// member is a key with its value, so that the order of keys can be drawn.
type member struct {
	key   string
	value string
}

func object(t *rapid.T, members []member) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, m := range rapid.Permutation(members).Draw(t, "order") {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%s", quoted(m.key), m.value)
	}
	b.WriteByte('}')
	return b.String()
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// anyValue draws JSON of some depth with the names in it that matter elsewhere.
func anyValue(depth int) *rapid.Generator[string] {
	scalar := rapid.OneOf(
		rapid.Map(rapid.String(), quoted),
		rapid.Map(rapid.Float64Range(-1e9, 1e9), func(f float64) string { return fmt.Sprint(f) }),
		rapid.SampledFrom([]string{"null", "true", "false", `"managed"`, `"\u00e9\ud83d\ude00"`, "-0", "1E-2"}),
	)
	if depth == 0 {
		return scalar
	}
	inner := anyValue(depth - 1)
	return rapid.OneOf(
		scalar,
		rapid.Map(rapid.SliceOfN(inner, 0, 4), func(v []string) string { return "[" + strings.Join(v, ",") + "]" }),
		rapid.Custom(func(t *rapid.T) string {
			keys := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"mode", "instances", "resources", "outputs", "encrypted_data", "é", ""}), 0, 4, rapid.ID).Draw(t, "keys")
			var members []member
			for _, key := range keys {
				members = append(members, member{key, inner.Draw(t, key)})
			}
			return object(t, members)
		}),
	)
}

// anyState draws a state of version 4 and what is to be found in it.
func anyState(t *rapid.T) (string, tfstate.Summary) {
	value := anyValue(2)
	want := tfstate.Summary{
		State: true, Version: 4,
		Serial:           rapid.Uint64().Draw(t, "serial"),
		Lineage:          rapid.StringMatching(`[0-9a-f-]{0,36}`).Draw(t, "lineage"),
		TerraformVersion: rapid.StringMatching(`1\.[0-9]{1,2}\.[0-9](-dev)?`).Draw(t, "version"),
		Outputs:          rapid.IntRange(0, 2).Draw(t, "outputs"),
	}
	var outputs []member
	for i := range want.Outputs {
		outputs = append(outputs, member{fmt.Sprint("output", i), value.Draw(t, "output")})
	}
	counts := map[string]int{}
	var resources []string
	for range rapid.IntRange(0, 5).Draw(t, "resources") {
		mode := rapid.SampledFrom([]string{"managed", "data"}).Draw(t, "mode")
		kind := rapid.SampledFrom([]string{"aws_vpc", "aws_subnet", "terraform_data"}).Draw(t, "type")
		instances := rapid.SliceOfN(value, 0, 3).Draw(t, "instances")
		if mode == "managed" && len(instances) > 0 {
			counts[kind] += len(instances)
			want.Managed += len(instances)
		}
		resources = append(resources, object(t, []member{
			{"mode", quoted(mode)},
			{"type", quoted(kind)},
			{"name", quoted("a")},
			{"each", value.Draw(t, "each")},
			{"instances", "[" + strings.Join(instances, ",") + "]"},
		}))
	}
	for kind, count := range counts {
		want.Types = append(want.Types, tfstate.TypeCount{Type: kind, Count: count})
	}
	switch {
	case want.Managed > 0:
		want.Condition = tfstate.HasResources
	case want.Outputs > 0:
		want.Condition = tfstate.HasOutputs
	default:
		want.Condition = tfstate.Empty
	}
	return object(t, []member{
		{"version", "4"},
		{"terraform_version", quoted(want.TerraformVersion)},
		{"serial", fmt.Sprint(want.Serial)},
		{"lineage", quoted(want.Lineage)},
		{"outputs", object(t, outputs)},
		{"resources", "[" + strings.Join(resources, ",") + "]"},
		{"check_results", value.Draw(t, "checks")},
	}), want
}

var anyOrder = cmpopts.SortSlices(func(a, b tfstate.TypeCount) bool { return a.Type < b.Type })

func TestPropertyReadFindsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state, want := anyState(t)
		for _, layout := range []string{state, indented(t, state)} {
			got, err := tfstate.Read(strings.NewReader(layout))
			if diff := cmp.Diff(want, got, anyOrder); err != nil || diff != "" {
				t.Fatalf("error %v, (-want +got):\n%s\n%s", err, diff, layout)
			}
			for i := 1; i < len(got.Types); i++ {
				if got.Types[i].Count > got.Types[i-1].Count {
					t.Fatalf("the types are not in order: %v", got.Types)
				}
			}
		}
	})
}

func TestPropertyProbeAgreesWithRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state, want := anyState(t)
		got, err := tfstate.Probe(strings.NewReader(state))
		if err != nil || got.Condition != want.Condition || got.Managed > want.Managed {
			t.Fatalf("Probe gives %+v, %v, and Read %+v", got, err, want)
		}
	})
}

func TestPropertyNoPartOfAStateIsEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state, _ := anyState(t)
		cut := rapid.IntRange(0, len(state)-1).Draw(t, "cut")
		got, err := tfstate.Read(strings.NewReader(state[:cut]))
		if err != nil || got.Condition != tfstate.Unreadable || got.Why == "" {
			t.Fatalf("the first %d bytes of %s are %+v, %v", cut, state, got, err)
		}
	})
}

// Keys come twice, in other cases and with letters that fold to others, and
// values of the wrong kind: encoding/json, and with it Terraform, may find more
// in such a state than meets the eye.
func TestPropertyNoTrickMakesAStateEmpty(t *testing.T) {
	key := func(names ...string) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			name := rapid.SampledFrom(names).Draw(t, "name")
			switch rapid.IntRange(0, 12).Draw(t, "spelling") {
			case 0:
				return strings.ToUpper(name)
			case 1:
				return strings.Replace(name, "s", "\u017f", 1) // the long s, which folds to s
			default:
				return name
			}
		})
	}
	list := func(items *rapid.Generator[string]) *rapid.Generator[string] {
		return rapid.Map(rapid.SliceOfN(items, 0, 2), func(v []string) string { return "[" + strings.Join(v, ",") + "]" })
	}
	resource := rapid.Custom(func(t *rapid.T) string {
		members := []member{
			{"mode", rapid.SampledFrom([]string{`"data"`, `"managed"`}).Draw(t, "mode")},
			{"instances", list(rapid.Just("{}")).Draw(t, "instances")},
		}
		for range rapid.IntRange(0, 1).Draw(t, "more") {
			members = append(members, member{
				key("mode", "instances", "type").Draw(t, "key"),
				rapid.SampledFrom([]string{`"data"`, `"managed"`, "[]", "[{}]", "null"}).Draw(t, "value"),
			})
		}
		return object(t, members)
	})
	rapid.Check(t, func(t *rapid.T) {
		members := []member{
			{"version", rapid.SampledFrom([]string{"4", "4", "4", "3", "null"}).Draw(t, "version")},
			{"resources", list(resource).Draw(t, "resources")},
		}
		for range rapid.IntRange(0, 2).Draw(t, "more") {
			members = append(members, member{
				key("version", "resources", "outputs", "encrypted_data", "encryption_version", "serial", "other").Draw(t, "key"),
				rapid.OneOf(list(resource), rapid.SampledFrom([]string{"4", "3", "null", "{}", `{"a":{}}`, `"x"`})).Draw(t, "value"),
			})
		}
		state := object(t, members)
		got, err := tfstate.Read(strings.NewReader(state))
		if err != nil {
			t.Fatal(err)
		}
		checkAgainstNaive(t, []byte(state), got)
	})
}

func indented(t *rapid.T, state string) string {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(state), "", "  "); err != nil {
		t.Fatalf("%v in %s", err, state)
	}
	return b.String()
}
