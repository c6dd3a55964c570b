// Direct writes what `go test -modfile` needs to build with an SDK in which a client whose
// HTTPClient answers calls itself is asked at once, without the SDK's middlewares: they take a
// large part of the model's time, and prepare a request that is never sent. `make chaos` plays
// the model so; `make test` plays it over the whole SDK.
//
//	go run ./infra/chaos/direct FOLDER
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./infra/chaos/direct FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// services are those that the model calls most.
var services = []string{"cloudwatch", "dynamodb", "s3", "sns"}

// begins is where each of the SDK's clients begins a call, in its own method invokeOperation.
const begins = "\tctx = middleware.ClearStackValues(ctx)\n"

// asks is put before it. A client that somebody gave options of its own goes the long way.
const asks = `	if direct, is := c.options.HTTPClient.(interface {
		Answers(options int) bool
		Answer(ctx context.Context, operation string, params any) (any, error)
	}); is && direct.Answers(len(c.options.APIOptions)) {
		if result, err = direct.Answer(ctx, opID, params); err != nil {
			err = &smithy.OperationError{ServiceID: ServiceID, OperationName: opID, Err: err}
		}
		return result, metadata, err
	}
`

// write puts copies of the services into a folder, and go.mod and go.sum that name them.
func write(folder string) error {
	folder, err := filepath.Abs(folder)
	if err == nil {
		err = os.RemoveAll(folder)
	}
	root, found := goList("{{.Dir}}")
	if err = errors.Join(err, found); err != nil {
		return err
	}
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	for _, service := range services {
		name := "github.com/aws/aws-sdk-go-v2/service/" + service
		from, err := goList("{{.Dir}}", name)
		if err != nil {
			return err
		}
		to := filepath.Join(folder, service)
		if err := errors.Join(os.CopyFS(to, os.DirFS(from)), change(filepath.Join(to, "api_client.go"))); err != nil {
			return err
		}
		module = fmt.Appendf(module, "replace %s => %s\n", name, to)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(folder, "go.mod"), module, 0o600), os.WriteFile(filepath.Join(folder, "go.sum"), sums, 0o600))
}

// goList asks Go about modules; without a name about this one.
func goList(format string, names ...string) (string, error) {
	out, err := exec.Command("go", append([]string{"list", "-m", "-f", format}, names...)...).Output() //nolint:gosec // names of ours
	if failed, is := errors.AsType[*exec.ExitError](err); is {
		return "", fmt.Errorf("go list %v: %w: %s", names, err, failed.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}

// change has the calls of a client begin with the question.
func change(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), begins); n != 1 {
		return fmt.Errorf("%s has %q %d times, and it must be once: the SDK has changed, say here where its calls begin now", file, begins, n)
	}
	// The copy is as read-only as Go's own.
	return errors.Join(os.Remove(file), os.WriteFile(file, []byte(strings.Replace(string(text), begins, asks+begins, 1)), 0o600))
}
