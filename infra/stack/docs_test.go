package stack_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/deploycheck"
	"github.com/lockwarden/lockwarden/infra/local"
)

// docs/configuration.md lists every parameter with its default, and every variable
// with the functions that are given it; and no others.
func TestConfigurationIsDocumented(t *testing.T) {
	want := map[string]string{}
	template := load(t)
	for name, p := range template.Parameters {
		want[name] = "empty"
		if value := fmt.Sprint(p.Default); value != "" {
			want[name] = "`" + value + "`"
		}
	}
	readers := map[string][]string{}
	for function, logicalID := range functions(t) {
		for _, variable := range given(template, logicalID) {
			readers[variable] = append(readers[variable], function)
		}
	}
	for variable, by := range readers {
		slices.Sort(by)
		want[variable] = strings.Join(by, ", ")
	}
	got := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([^|]+) \\|(.*)").FindAllStringSubmatch(read(t, "docs", "configuration.md"), -1) {
		got[row[1]] = row[2]
		if most := regexp.MustCompile(`At most ([0-9,]+) characters`).FindStringSubmatch(row[3]); most != nil && strings.ReplaceAll(most[1], ",", "") != fmt.Sprint(template.Parameters[row[1]].MaxLength) {
			t.Errorf("%s: docs/configuration.md says at most %s characters, and the template takes %d", row[1], most[1], template.Parameters[row[1]].MaxLength)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s: docs/configuration.md says %q, it is %q", name, got[name], want[name])
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("docs/configuration.md has %s, which there is not", name)
		}
	}
}

// shared are settings that all functions can read, and that one does not decide by.
var shared = map[string][]string{
	"prune": undecided, "repair": undecided, "inventory": undecided,
}

var undecided = []string{"RELEASE_GUARD", "STUCK_AFTER", "STUCK_AFTER_OVERRIDES"}

// The template gives each function the variables that it reads, and no others.
func TestFunctionsGetTheVariablesThatTheyRead(t *testing.T) {
	template := load(t)
	for function, logicalID := range functions(t) {
		want := slices.DeleteFunc(variables(t, function), func(name string) bool { return slices.Contains(shared[function], name) })
		if got := given(template, logicalID); !slices.Equal(got, want) {
			t.Errorf("%s is given %v and reads %v", logicalID, got, want)
		}
	}
}

// given are the variables that the template gives a function, sorted.
func given(template deploycheck.Template, logicalID string) []string {
	environment, _ := template.Resources[logicalID].Properties["Environment"].(map[string]any)
	names, _ := environment["Variables"].(map[string]any)
	return slices.Sorted(maps.Keys(names))
}

// variables are what the config structs of a function read, by their env tags: those
// in its own folder, and those of pkg/wiring that it names; and what Go reads in every
// one. Sorted.
func variables(t *testing.T, function string) []string {
	t.Helper()
	own := sources(t, filepath.Join("functions", function))
	common := append(sources(t, filepath.Join("pkg", "wiring")), sources(t, filepath.Join("pkg", "wiring", "runs"))...)
	found := []string{"GOMAXPROCS"}
	var read func(typeName string)
	read = func(typeName string) {
		for _, f := range common {
			if object := f.Scope.Lookup(typeName); object != nil && object.Kind == ast.Typ {
				found = append(found, tags(object.Decl.(*ast.TypeSpec))...)
				ast.Inspect(object.Decl.(*ast.TypeSpec), func(n ast.Node) bool {
					if f, ok := n.(*ast.Field); ok && len(f.Names) == 0 { // one struct within another
						read(fmt.Sprint(f.Type))
					}
					return true
				})
			}
		}
	}
	for _, file := range own {
		found = append(found, tags(file)...)
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"wiring", "runs"}, fmt.Sprint(s.X)) {
				read(s.Sel.Name)
			}
			return true
		})
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// tags are the variables that env tags under a node name.
func tags(node ast.Node) []string {
	var found []string
	ast.Inspect(node, func(n ast.Node) bool {
		if f, ok := n.(*ast.Field); ok && f.Tag != nil {
			name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("env"), ",")
			if name != "" {
				found = append(found, name)
			}
		}
		return true
	})
	return found
}

func sources(t *testing.T, folder string) []*ast.File {
	t.Helper()
	dir := filepath.Join(local.Root(), folder)
	entries, err := os.ReadDir(dir)
	check(t, err)
	var files []*ast.File
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, 0)
			check(t, err)
			files = append(files, file)
		}
	}
	return files
}

// The pages on the inventory and on repair list every permission of their functions, and no other.
func TestRightsAreDocumented(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| (`.*`) \\| .* \\| .* \\|$")
	for page, role := range map[string]string{"inventory.md": "InventoryRole", "repair.md": "RepairRole"} {
		_, section, found := strings.Cut(read(t, "docs", page), "## What it may do\n")
		section, _, ended := strings.Cut(section, "\n## ")
		if !found || !ended {
			t.Errorf("%s does not say what %s may do", page, role)
			continue
		}
		said := map[string]bool{}
		for _, match := range row.FindAllStringSubmatch(section, -1) {
			for action := range strings.SplitSeq(match[1], ",") {
				said[strings.Trim(action, " `")] = true
			}
		}
		granted := map[string]bool{}
		for _, g := range grants(load(t)) {
			if !strings.HasPrefix(g.of, role+" ") && !strings.Contains(fmt.Sprint(g.roles), role) {
				continue
			}
			for _, action := range g.actions {
				if service, _, _ := strings.Cut(action, ":"); service != "logs" && service != "sqs" && !slices.Contains(searching, action) {
					granted[action] = true
				}
			}
		}
		if !maps.Equal(said, granted) {
			t.Errorf("%s says that %s may %q, and it may %q", page, role, slices.Sorted(maps.Keys(said)), slices.Sorted(maps.Keys(granted)))
		}
	}
}
