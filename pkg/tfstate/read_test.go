package tfstate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// The files were written by Terraform 1.11.4 and OpenTofu 1.12.6 with a local
// backend, and are as they were written.
func TestReadRealStates(t *testing.T) {
	tests := map[string]tfstate.Summary{
		"applied.tfstate": {
			Condition: tfstate.HasResources, State: true, Version: 4, Serial: 8, Lineage: "9c45dc65-57ac-8fd6-d37c-7f589cf0d0fd", TerraformVersion: "1.11.4",
			Managed: 7, Types: []tfstate.TypeCount{{Type: "terraform_data", Count: 7}}, Outputs: 2,
		},
		"destroyed.tfstate": {
			Condition: tfstate.Empty, State: true, Version: 4, Serial: 17, Lineage: "9c45dc65-57ac-8fd6-d37c-7f589cf0d0fd", TerraformVersion: "1.11.4",
		},
		"outputs-only.tfstate": {
			Condition: tfstate.HasOutputs, State: true, Version: 4, Serial: 1, Lineage: "b1c65588-bd50-6f86-5d6e-0a8a91e46d38", TerraformVersion: "1.11.4", Outputs: 2,
		},
		"data-only.tfstate": {
			Condition: tfstate.Empty, State: true, Version: 4, Serial: 1, Lineage: "3db88586-32b2-36f2-89a8-18187fe43d86", TerraformVersion: "1.11.4",
		},
		"deposed.tfstate": { // one instance and the deposed one that it was to replace
			Condition: tfstate.HasResources, State: true, Version: 4, Serial: 3, Lineage: "ea2af2fb-9bb1-1326-1a72-12bbd085d9f6", TerraformVersion: "1.11.4",
			Managed: 2, Types: []tfstate.TypeCount{{Type: "terraform_data", Count: 2}},
		},
		"tofu-applied.tfstate": {
			Condition: tfstate.HasResources, State: true, Version: 4, Serial: 1, Lineage: "2c7faafd-4d1b-3ffb-f26a-58a6af17f3fc", TerraformVersion: "1.12.6",
			Managed: 2, Types: []tfstate.TypeCount{{Type: "terraform_data", Count: 2}},
		},
		"tofu-destroyed.tfstate": {
			Condition: tfstate.Empty, State: true, Version: 4, Serial: 2, Lineage: "2c7faafd-4d1b-3ffb-f26a-58a6af17f3fc", TerraformVersion: "1.12.6",
		},
		"tofu-encrypted.tfstate": {
			Condition: tfstate.Encrypted, State: true, Serial: 1, Lineage: "e64f7839-daa3-c0e9-29e2-cf3afdecba0d",
		},
		"tofu-encrypted-destroyed.tfstate": { // as empty as can be, and nobody can see it
			Condition: tfstate.Encrypted, State: true, Serial: 2, Lineage: "e64f7839-daa3-c0e9-29e2-cf3afdecba0d",
		},
	}
	files, err := filepath.Glob("testdata/*.tfstate")
	if err != nil || len(files) != len(tests) {
		t.Fatalf("there are %d sample states (%v), and tests for %d", len(files), err, len(tests))
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			state, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, read(t, string(state))); diff != "" {
				t.Errorf("Read (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadCondition(t *testing.T) {
	const managed = `{"mode":"managed","type":"aws_vpc","name":"a","instances":[{}]}`
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	tests := []struct {
		name  string
		state string
		want  tfstate.Condition
		why   string // part of Why
	}{
		{"version 4 without resources and outputs is empty", `{"version":4,"resources":[]}`, tfstate.Empty, ""},
		{"no outputs may be written as null", `{"version":4,"outputs":null,"resources":[]}`, tfstate.Empty, ""},
		{"white space around it does not matter", "\r\n\t {\"version\" : 4 , \"resources\" : [ ] } \n", tfstate.Empty, ""},
		{"check results do not matter", `{"version":4,"resources":[],"check_results":[{"status":"fail","objects":[{}]}]}`, tfstate.Empty, ""},
		{"check results of any shape do not matter", `{"version":4,"resources":[],"check_results":{"a":[1,-2.5e+3,true,false,null,"é\u00e9\ud83d"]}}`, tfstate.Empty, ""},
		{"an escaped key is the key it spells", `{"\u0076ersion":4,"resou\u0072ces":[]}`, tfstate.Empty, ""},
		{"data sources are not managed", `{"version":4,"resources":[{"mode":"data","type":"aws_ami","instances":[{},{}]}]}`, tfstate.Empty, ""},
		{"a managed resource without instances is not an object", `{"version":4,"resources":[{"mode":"managed","type":"aws_vpc","instances":[]}]}`, tfstate.Empty, ""},
		{"the largest serial is read", `{"version":4,"serial":18446744073709551615,"resources":[]}`, tfstate.Empty, ""},
		{"nesting within reason is read", `{"version":4,"resources":[],"check_results":` + deep(900) + `}`, tfstate.Empty, ""},

		{"an output alone keeps it", `{"version":4,"outputs":{"":null},"resources":[]}`, tfstate.HasOutputs, ""},
		{"an output behind the resources keeps it", `{"resources":[],"outputs":{"a":{"value":1}},"version":4}`, tfstate.HasOutputs, ""},
		{"a managed object keeps it", `{"version":4,"resources":[` + managed + `]}`, tfstate.HasResources, ""},
		{"resources come before outputs", `{"version":4,"outputs":{"a":{}},"resources":[` + managed + `]}`, tfstate.HasResources, ""},
		{"resources may stand before the version", `{"resources":[` + managed + `],"version":4}`, tfstate.HasResources, ""},
		{"the mode may stand behind the instances", `{"version":4,"resources":[{"instances":[{"mode":"data"}],"mode":"managed"}]}`, tfstate.HasResources, ""},
		{"an instance that is null counts", `{"version":4,"resources":[{"mode":"managed","instances":[null]}]}`, tfstate.HasResources, ""},
		{"a deposed instance counts", `{"version":4,"resources":[{"mode":"managed","instances":[{"deposed":"2a09d993"}]}]}`, tfstate.HasResources, ""},

		{"encrypted data cannot be judged", `{"serial":1,"lineage":"a","meta":{},"encrypted_data":"eA==","encryption_version":"v0"}`, tfstate.Encrypted, ""},
		{"encrypted data beside an empty state counts", `{"version":4,"resources":[],"encrypted_data":null}`, tfstate.Encrypted, ""},
		{"an encryption version alone counts", `{"version":4,"resources":[],"encryption_version":"v0"}`, tfstate.Encrypted, ""},
		{"encryption comes before resources", `{"encryption_version":"v0","version":4,"resources":[` + managed + `]}`, tfstate.Encrypted, ""},

		{"zero bytes are not a state", "", tfstate.Unreadable, "no bytes"},
		{"white space is not a state", " \n", tfstate.Unreadable, "cut off at byte 2"},
		{"a byte order mark is not JSON", "\ufeff{}", tfstate.Unreadable, "a value is missing at byte 0"},
		{"text is not JSON", "AccessDenied", tfstate.Unreadable, "a value is missing at byte 0"},
		{"null is not a state", "null", tfstate.Unreadable, "not a JSON object"},
		{"a list is not a state", `[{"version":4,"resources":[]}]`, tfstate.Unreadable, "not a JSON object"},
		{"an object with nothing in it is not a state", "{}", tfstate.Unreadable, "no state version"},
		{"version 3 cannot be judged", `{"version":3,"serial":1,"modules":[{"path":["root"],"outputs":{},"resources":{}}]}`, tfstate.Unreadable, "state version 3"},
		{"version 3 with a list of resources cannot be judged", `{"version":3,"resources":[]}`, tfstate.Unreadable, "state version 3"},
		{"version 5 cannot be judged", `{"version":5,"resources":[]}`, tfstate.Unreadable, "state version 5"},
		{"a version 4 with a fraction is another one", `{"version":4.0,"resources":[]}`, tfstate.Unreadable, "state version 4.0"},
		{"a version in words is none", `{"version":"4","resources":[]}`, tfstate.Unreadable, "\"version\" is not a number"},
		{"a huge version is none", `{"version":` + strings.Repeat("4", 1000) + `,"resources":[]}`, tfstate.Unreadable, "\"version\" is too large"},
		{"a serial beyond 64 bits is doubtful", `{"version":4,"serial":18446744073709551616,"resources":[]}`, tfstate.Unreadable, "\"serial\""},
		{"a negative serial is doubtful", `{"version":4,"serial":-1,"resources":[]}`, tfstate.Unreadable, "\"serial\""},
		{"a lineage that is not text is doubtful", `{"version":4,"lineage":{},"resources":[]}`, tfstate.Unreadable, "\"lineage\" is not a string"},
		{"an endless lineage is doubtful", `{"version":4,"lineage":"` + strings.Repeat("a", 129) + `","resources":[]}`, tfstate.Unreadable, "\"lineage\" is too long"},
		{"control characters in the lineage are doubtful", `{"version":4,"lineage":"a\u001b[31m","resources":[]}`, tfstate.Unreadable, "\"lineage\" has characters"},

		{"no resources key is doubtful", `{"version":4,"outputs":{}}`, tfstate.Unreadable, "no list of resources"},
		{"resources of null are doubtful", `{"version":4,"resources":null}`, tfstate.Unreadable, "not a list"},
		{"resources in an object are doubtful", `{"version":4,"resources":{}}`, tfstate.Unreadable, "not a list"},
		{"outputs in a list are doubtful", `{"version":4,"outputs":[],"resources":[]}`, tfstate.Unreadable, "\"outputs\" is not an object"},
		{"a resource of null is doubtful", `{"version":4,"resources":[null]}`, tfstate.Unreadable, "a resource is not an object"},
		{"a resource without a mode is doubtful", `{"version":4,"resources":[{"instances":[]}]}`, tfstate.Unreadable, "neither managed nor data"},
		{"an unknown mode is doubtful", `{"version":4,"resources":[{"mode":"ephemeral","instances":[]}]}`, tfstate.Unreadable, "neither managed nor data"},
		{"a mode in capitals is unknown", `{"version":4,"resources":[{"mode":"Data","instances":[]}]}`, tfstate.Unreadable, "neither managed nor data"},
		{"a mode that is not a text is doubtful", `{"version":4,"resources":[{"mode":0,"instances":[]}]}`, tfstate.Unreadable, "mode of a resource is not a string"},
		{"a type that is not a text is doubtful", `{"version":4,"resources":[{"mode":"data","type":1,"instances":[]}]}`, tfstate.Unreadable, "type of a resource"},
		{"a managed resource without a list of instances is doubtful", `{"version":4,"resources":[{"mode":"managed"}]}`, tfstate.Unreadable, "no list of instances"},
		{"instances of null are doubtful", `{"version":4,"resources":[{"mode":"managed","instances":null}]}`, tfstate.Unreadable, "not a list"},
		{"doubt comes before resources", `{"version":4,"resources":[` + managed + `,{}]}`, tfstate.Unreadable, "neither managed nor data"},

		{"a top-level key that no release writes is doubtful", `{"version":4,"resources":[],"stacks":{"a":[{"mode":"managed"}]}}`, tfstate.Unreadable, "no known release"},
		{"such a key beside outputs is doubtful", `{"version":4,"outputs":{"a":{}},"resources":[],"future":null}`, tfstate.Unreadable, "no known release"},
		{"the modules of version 3 in version 4 are doubtful", `{"version":4,"resources":[],"modules":[{"resources":{"aws_vpc.a":{}}}]}`, tfstate.Unreadable, "no known release"},
		{"the keys of an encrypted state without its data are doubtful", `{"version":4,"resources":[],"meta":{}}`, tfstate.Unreadable, "no known release"},
		{"such a key beside managed objects hides none of them", `{"version":4,"future":1,"resources":[` + managed + `]}`, tfstate.HasResources, ""},
		{"such a key in an encrypted state changes nothing", `{"future":1,"encrypted_data":"eA==","encryption_version":"v0"}`, tfstate.Encrypted, ""},

		{"resources twice are doubtful", `{"version":4,"resources":[` + managed + `],"resources":[]}`, tfstate.Unreadable, "there twice"},
		{"a version twice is doubtful", `{"version":3,"version":4,"resources":[]}`, tfstate.Unreadable, "there twice"},
		{"an escaped duplicate is one", `{"version":4,"resources":[],"r\u0065sources":[]}`, tfstate.Unreadable, "there twice"},
		{"an unknown key twice is doubtful", `{"version":4,"resources":[],"x":1,"X":2}`, tfstate.Unreadable, "there twice"},
		{"resources in capitals are doubtful", `{"version":4,"resources":[],"RESOURCES":[` + managed + `]}`, tfstate.Unreadable, "only in case"},
		{"a letter that folds to another is doubtful", `{"version":4,"resources":[],"output\u017f":{"a":{}}}`, tfstate.Unreadable, "only in case"},
		{"encrypted data in capitals is doubtful", `{"version":4,"resources":[],"Encrypted_Data":"x"}`, tfstate.Unreadable, "only in case"},
		{"a mode twice is doubtful", `{"version":4,"resources":[{"mode":"managed","mode":"data","instances":[{}]}]}`, tfstate.Unreadable, "\"mode\" twice"},
		{"a mode in another case is doubtful", `{"version":4,"resources":[{"mode":"data","Mode":"managed","instances":[{}]}]}`, tfstate.Unreadable, "only in case"},
		{"instances twice are doubtful", `{"version":4,"resources":[{"mode":"managed","instances":[{}],"instances":[]}]}`, tfstate.Unreadable, "\"instances\" twice"},
		{"a long key at the top is doubtful", `{"version":4,"resources":[],"` + strings.Repeat("k", 257) + `":1}`, tfstate.Unreadable, "key is too long"},
		{"very many keys at the top are doubtful", `{"version":4,"resources":[]` + numbered(100) + `}`, tfstate.Unreadable, "too many top-level keys"},

		{"a state that is cut off is not JSON", `{"version":4,"resources":[`, tfstate.Unreadable, "cut off at byte 26"},
		{"something behind the end is not JSON", `{"version":4,"resources":[]}{}`, tfstate.Unreadable, "something follows the end at byte 28"},
		{"a NUL behind the end is not JSON", "{\"version\":4,\"resources\":[]}\x00", tfstate.Unreadable, "something follows the end"},
		{"a trailing comma is not JSON", `{"version":4,"resources":[],}`, tfstate.Unreadable, "a key is missing"},
		{"a missing comma is not JSON", `{"version":4 "resources":[]}`, tfstate.Unreadable, "a comma or an end is missing"},
		{"a missing colon is not JSON", `{"version" 4,"resources":[]}`, tfstate.Unreadable, "a colon is missing"},
		{"a missing value is not JSON", `{"version":4,"resources":[],"x":}`, tfstate.Unreadable, "a value is missing"},
		{"brackets that do not match are not JSON", `{"version":4,"resources":[}]`, tfstate.Unreadable, "not valid JSON"},
		{"an object that ends like a list is not JSON", `{"version":4,"resources":[],"x":{"a":1]}`, tfstate.Unreadable, "a comma or an end is missing"},
		{"a list that ends like an object is not JSON", `{"version":4,"resources":[],"x":["a"}}`, tfstate.Unreadable, "a comma or an end is missing"},
		{"a key without quotes is not JSON", `{version:4}`, tfstate.Unreadable, "a key is missing"},
		{"a number with a leading zero is not JSON", `{"version":04,"resources":[]}`, tfstate.Unreadable, "a comma or an end is missing"},
		{"a number without digits is not JSON", `{"version":4,"resources":[],"x":1.}`, tfstate.Unreadable, "a digit is missing"},
		{"a misspelt word is not JSON", `{"version":4,"resources":[],"x":nul}`, tfstate.Unreadable, "a value is missing"},
		{"an unknown escape is not JSON", `{"version":4,"resources":[],"x":"\x"}`, tfstate.Unreadable, "an escape is unknown"},
		{"a short escape is not JSON", `{"version":4,"resources":[],"x":"\u12"}`, tfstate.Unreadable, "four hexadecimal digits"},
		{"a bare line break in a text is not JSON", "{\"version\":4,\"resources\":[],\"x\":\"\n\"}", tfstate.Unreadable, "control character"},
		{"invalid UTF-8 is not JSON", "{\"version\":4,\"resources\":[],\"x\":\"\xff\"}", tfstate.Unreadable, "not valid UTF-8"},
		{"a character that is cut off is not JSON", "{\"version\":4,\"resources\":[],\"x\":\"\xf0\x9f", tfstate.Unreadable, "not valid UTF-8"},
		{"endless nesting is not followed", `{"version":4,"resources":[],"x":` + deep(1_000_000) + `}`, tfstate.Unreadable, "nested too deeply"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := read(t, test.state)
			if got.Condition != test.want || !strings.Contains(got.Why, test.why) {
				t.Errorf("it is %v (%q), want %v (%q)", got.Condition, got.Why, test.want, test.why)
			}
			if (got.Why != "") != (got.Condition == tfstate.Unreadable) {
				t.Errorf("%v says why: %q", got.Condition, got.Why)
			}
			if len(got.Why) > 200 {
				t.Errorf("the reason has %d bytes", len(got.Why))
			}
		})
	}
}

func TestReadTypes(t *testing.T) {
	resource := func(kind string, instances int) string {
		return fmt.Sprintf(`{"mode":"managed","type":%s,"instances":[%s]}`, kind, strings.TrimSuffix(strings.Repeat("{},", instances), ","))
	}
	state := func(resources ...string) string {
		return `{"version":4,"resources":[` + strings.Join(resources, ",") + `]}`
	}

	t.Run("the most frequent type comes first, equal ones by name", func(t *testing.T) {
		got := read(t, state(resource(`"aws_vpc"`, 1), resource(`"aws_subnet"`, 2), resource(`"aws_eip"`, 1), resource(`"aws_subnet"`, 1)))
		want := []tfstate.TypeCount{{Type: "aws_subnet", Count: 3}, {Type: "aws_eip", Count: 1}, {Type: "aws_vpc", Count: 1}}
		if diff := cmp.Diff(want, got.Types); diff != "" || got.Managed != 5 || got.OtherTypes != 0 {
			t.Errorf("got %+v (-want +got):\n%s", got, diff)
		}
	})
	t.Run("a type that is not a name is counted and not repeated", func(t *testing.T) {
		hostile := []string{`"<script>"`, `"a\nb"`, `""`, `"é"`, `"` + strings.Repeat("a", 129) + `"`, `"` + strings.Repeat("a", 1<<20) + `"`}
		var resources []string
		for _, kind := range hostile {
			resources = append(resources, resource(kind, 1))
		}
		got := read(t, state(resources...))
		if got.Condition != tfstate.HasResources || got.Managed != len(hostile) || got.OtherTypes != len(hostile) || len(got.Types) != 0 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a type does not pass to the next resource", func(t *testing.T) {
		got := read(t, state(resource(`"aws_vpc"`, 1), `{"mode":"managed","instances":[{}]}`))
		if got.OtherTypes != 1 || len(got.Types) != 1 || got.Types[0].Count != 1 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("types beyond the bound are counted together", func(t *testing.T) {
		var resources []string
		for i := range 300 {
			resources = append(resources, resource(fmt.Sprintf(`"type_%d"`, i), 2))
		}
		got := read(t, state(resources...))
		if got.Managed != 600 || len(got.Types) != 256 || got.OtherTypes != 88 {
			t.Errorf("%d objects, %d types, %d others", got.Managed, len(got.Types), got.OtherTypes)
		}
	})
}

func TestWhyQuotesNoSecret(t *testing.T) {
	const secret = "hunter2"
	for _, state := range []string{
		`{"version":"hunter2"}`, `{"hunter2":1,"hunter2":2}`, `{"version":4,"resources":[{"mode":"hunter2"}]}`,
		`{"version":4,"outputs":{"a":"hunter2\x"}}`, `{"version":4,"lineage":"hunter2\n"}`, `hunter2`, `{"a":hunter2}`,
	} {
		if got := read(t, state); got.Condition != tfstate.Unreadable || strings.Contains(fmt.Sprintf("%+v", got), secret) {
			t.Errorf("%s gives %+v", state, got)
		}
	}
}

func TestConditionString(t *testing.T) {
	want := []string{"unreadable", "encrypted", "has_resources", "has_outputs", "empty", "Condition(5)"}
	for i, text := range want {
		if got := tfstate.Condition(i).String(); got != text {
			t.Errorf("condition %d is %q, want %q", i, got, text)
		}
	}
	if zero := (tfstate.Summary{}); zero.Condition != tfstate.Unreadable {
		t.Errorf("a summary that nobody filled in is %v", zero.Condition)
	}
}

// numbered returns n members with keys of their own.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"key_%d":1`, i)
	}
	return b.String()
}

func read(t testing.TB, state string) tfstate.Summary {
	t.Helper()
	sum, err := tfstate.Read(strings.NewReader(state))
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return sum
}

// What is a state, and of which version, does not depend on what is in doubt about it; and
// what is none is read no further than to where that shows.
func TestVerify(t *testing.T) {
	for name, tc := range map[string]struct {
		bytes   string
		state   bool
		version int
		most    int // bytes that may be read; 0: all
	}{
		"an empty state":                           {`{"version":4,"resources":[]}`, true, 4, 0},
		"a state with a key that nobody knows":     {`{"version":4,"resources":[],"x":1}`, true, 4, 0},
		"a state of version 3":                     {`{"version":3,"serial":1,"modules":[]}`, true, 3, 0},
		"a state of version 1":                     {`{"version":1,"modules":[]}`, true, 1, 0},
		"an encrypted state":                       {`{"encrypted_data":"eA==","encryption_version":"v0"}`, true, 0, 0},
		"a version of a later time":                {`{"version":5,"resources":[]}`, false, 0, 0},
		"a version 4 without resources":            {`{"version":4}`, false, 0, 0},
		"a plan's JSON":                            {`{"format_version":"1.2","resource_changes":[]}`, false, 0, 0},
		"another tool's JSON":                      {`{"version":1,"name":"x"}`, false, 0, 0},
		"a state that is cut off":                  {`{"version":4,"resources":[`, false, 0, 0},
		"a large archive":                          {"PK\x03\x04" + strings.Repeat("x", 1<<20), false, 0, 64 << 10},
		"a large list":                             {"[" + strings.Repeat("1,", 1<<19) + "1]", false, 0, 64 << 10},
		"a large text behind what looks like JSON": {`{"version":4,"resources":[]}` + strings.Repeat("x", 1<<20), false, 0, 64 << 10},
		"nothing": {"", false, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := strings.NewReader(tc.bytes)
			got, err := tfstate.Verify(r)
			if err != nil || got.State != tc.state || got.Version != tc.version {
				t.Errorf("%+v, %v", got, err)
			}
			if n := len(tc.bytes) - r.Len(); tc.most > 0 && n > tc.most {
				t.Errorf("it read %d bytes", n)
			}
			if again, err := tfstate.Read(strings.NewReader(tc.bytes)); err != nil || again.State != tc.state || again.Version != tc.version || again.Condition != got.Condition {
				t.Errorf("Read says %+v, %v", again, err)
			}
		})
	}
}
