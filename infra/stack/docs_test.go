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

	"github.com/lockwarden/lockwarden/infra/local"
)

// docs/configuration.md lists every parameter with its default, and every variable
// with the functions that read it; and no others.
func TestConfigurationIsDocumented(t *testing.T) {
	want := map[string]string{}
	for name, p := range load(t).Parameters {
		want[name] = "empty"
		if value := fmt.Sprint(p.Default); value != "" {
			want[name] = "`" + value + "`"
		}
	}
	readers := map[string][]string{}
	for function := range functions(t) {
		for _, variable := range variables(t, function) {
			readers[variable] = append(readers[variable], function)
		}
	}
	for variable, by := range readers {
		slices.Sort(by)
		want[variable] = strings.Join(by, ", ")
	}
	got := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([^|]+) \\|").FindAllStringSubmatch(read(t, "docs", "configuration.md"), -1) {
		got[row[1]] = row[2]
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

// The template gives each function exactly the variables that it reads.
func TestFunctionsGetTheVariablesThatTheyRead(t *testing.T) {
	template := load(t)
	for function, logicalID := range functions(t) {
		environment, _ := template.Resources[logicalID].Properties["Environment"].(map[string]any)
		given, _ := environment["Variables"].(map[string]any)
		if got, want := slices.Sorted(maps.Keys(given)), variables(t, function); !slices.Equal(got, want) {
			t.Errorf("%s is given %v and reads %v", logicalID, got, want)
		}
	}
}

// variables are what the config structs of a function read, by their env tags: those
// in its own folder, and those of pkg/wiring that it names. Sorted.
func variables(t *testing.T, function string) []string {
	t.Helper()
	own := sources(t, filepath.Join("functions", function))
	shared := sources(t, filepath.Join("pkg", "wiring"))
	var found []string
	for _, file := range own {
		found = append(found, tags(file)...)
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && fmt.Sprint(s.X) == "wiring" {
				for _, f := range shared {
					if object := f.Scope.Lookup(s.Sel.Name); object != nil && object.Kind == ast.Typ {
						found = append(found, tags(object.Decl.(*ast.TypeSpec))...)
					}
				}
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
