package unlock_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// An answer offers choices "to repeat the call with", and people put them into the payload of the command that they ran, between a
// shell's quotes: nothing in a path or an ID ends those. Nor does an answer invite people to put a whole error there.
func TestNoChoiceEndsAShellsQuotes(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{
		"quotes":         `dev/x'$(touch executed)'/terraform.tfstate`,
		"backticks":      "dev/x'`touch executed`'/terraform.tfstate",
		"other shells":   "dev/x&touch executed&’;touch executed;%x%|y^!/terraform.tfstate",
		"double quotes":  `dev/x"$(touch executed)"/terraform.tfstate`,
		"options":        "dev/x --path=production/terraform.tfstate --force --yes --reason=dead /terraform.tfstate",
		"braces":         "dev/x {--path=production/terraform.tfstate,--force,--yes,--reason=dead}/terraform.tfstate",
		"nothing of all": "dev/x/terraform.tfstate",
	} {
		w := newWorld(t)
		w.Lock(key, "same", w.Set.Buckets[0])
		w.Lock("production/terraform.tfstate", "same", w.Set.Buckets[0])
		a, err := w.run(&local.Wire{}, request(w, "same", ""))
		if err != nil || a.Outcome != unlock.Ambiguous {
			t.Fatalf("%s: got %+v, %v", name, a, err)
		}
		var paths []string
		for _, step := range a.NextSteps {
			if strings.Contains(step, "error text") && !strings.Contains(step, "never between") {
				t.Errorf("%s: %s", name, step)
			}
			choice, is := strings.CutPrefix(step, "Choice: ")
			if !is {
				continue
			}
			if strings.Contains(choice, " ") {
				t.Errorf("%s: without quotes there may be an option in the choice %s", name, choice)
			}
			if strings.ContainsAny(choice, "'’`$&|<>^%!;") {
				t.Errorf("%s: some shell runs what is in the choice %s", name, choice)
			}
			folder := t.TempDir()
			command := exec.CommandContext(t.Context(), sh, "-c", "printf %s '"+choice+"'")
			command.Dir = folder
			payload, _ := command.Output() // what is broken is not JSON below
			if _, ran := os.Stat(filepath.Join(folder, "executed")); ran == nil {
				t.Errorf("%s: a shell runs what is in the choice %s", name, choice)
			}
			var chosen struct{ Path string }
			if err := json.Unmarshal(payload, &chosen); err != nil {
				t.Errorf("%s: %s: %v", name, payload, err)
			}
			paths = append(paths, chosen.Path)
		}
		if !slices.Contains(paths, string(w.Path(key))) || len(paths) != 2 {
			t.Errorf("%s: the choices are of %q", name, paths)
		}
	}
}
