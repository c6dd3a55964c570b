package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/infra/local"
)

// buildFlags are those of `make deploy`, read from the Makefile, so that what is built
// here is what users build.
var buildFlags = regexp.MustCompile(`(?m)^\tGOFLAGS="([^"]*)" sam build`)

// Build runs the real `sam build` in a copy of the repository, for one of its functions or, if
// none is named, for all. Without cgo, as Go builds for arm64 on another processor: so nothing
// that tests built before is compiled again.
func (e *Engine) Build(ctx context.Context, dir string, function ...string) error {
	sam, err := tool("sam/bin/sam")
	if err != nil {
		return err
	}
	makefile, err := os.ReadFile(filepath.Join(local.Root(), "Makefile"))
	if err != nil {
		return err
	}
	flags := buildFlags.FindSubmatch(makefile)
	if flags == nil {
		return fmt.Errorf("the Makefile's `sam build` is not found by %s", buildFlags)
	}
	_, err = e.run(ctx, dir, "env", append([]string{"GOFLAGS=" + string(flags[1]), "CGO_ENABLED=0", sam, "build"}, function...)...)
	return err
}

// Deploy runs the real `sam deploy` in a copy that was built: it makes the stack, or
// updates it in place. Parameters that are not named keep their value.
func (e *Engine) Deploy(ctx context.Context, dir, stack string, parameters map[string]string) error {
	sam, err := tool("sam/bin/sam")
	if err != nil {
		return err
	}
	args := []string{"deploy", "--stack-name", stack, "--no-confirm-changeset", "--no-progressbar"}
	if len(parameters) > 0 {
		args = append(args, "--parameter-overrides")
	}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		args = append(args, fmt.Sprintf("ParameterKey=%s,ParameterValue=%q", name, parameters[name]))
	}
	_, err = e.run(ctx, dir, sam, args...)
	return err
}

// Outputs are those of a stack.
func (e *Engine) Outputs(ctx context.Context, stack string) (map[string]string, error) {
	out, err := e.AWS(ctx, "cloudformation", "describe-stacks", "--stack-name", stack, "--query", "Stacks[0].Outputs", "--output", "json")
	if err != nil {
		return nil, err
	}
	var list []struct{ OutputKey, OutputValue string }
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&list); err != nil {
		return nil, err
	}
	outputs := map[string]string{}
	for _, o := range list {
		outputs[o.OutputKey] = o.OutputValue
	}
	return outputs, nil
}
