package journey

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
)

// Engine is a running MiniStack, with a user's home folder.
type Engine struct {
	*server.Server
	dir string // its home: it keeps nothing elsewhere
}

// tool is what `make` installed under that name in .build.
func tool(name string) (string, error) {
	path := filepath.Join(local.Root(), ".build", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is missing: run `make test`, which installs it", path)
	}
	return path, nil
}

// Start runs MiniStack, with dir as its home.
func Start(ctx context.Context, dir string) (*Engine, error) {
	started, err := server.Start(ctx, server.MiniStack, dir)
	return &Engine{started, dir}, err
}

// environment is what a user's shell has who works with this AWS.
func (e *Engine) environment() []string {
	path := filepath.Join(local.Root(), ".build", "awscli") + ":" + os.Getenv("PATH")
	return append(os.Environ(), "PATH="+path, "AWS_ENDPOINT_URL="+e.Endpoint, "AWS_REGION="+local.Region, "AWS_DEFAULT_REGION="+local.Region,
		"AWS_ACCESS_KEY_ID=journey", "AWS_SECRET_ACCESS_KEY=journey", "AWS_EC2_METADATA_DISABLED=true", "SAM_CLI_TELEMETRY=0", "HOME="+e.dir,
		"GOCACHE="+goCaches()[0], "GOMODCACHE="+goCaches()[1])
}

// goCaches are go's folders of builds and of modules. They depend on the home folder, which
// is another one here.
var goCaches = sync.OnceValue(func() [2]string {
	out, _ := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output() // without go nothing was built
	builds, modules, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return [2]string{builds, modules}
})

// run runs a command as the user in a folder and gives its standard output; the error
// carries what it said.
func (e *Engine) run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the tools of a user
	cmd.Dir, cmd.Env = dir, e.environment()
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, out, said.String())
	}
	return string(out), nil
}

// Paste runs a command line in a shell, as one who pastes it.
func (e *Engine) Paste(ctx context.Context, line string) (string, error) {
	return e.run(ctx, e.dir, "bash", "-c", line)
}

// AWS runs the AWS CLI v2.
func (e *Engine) AWS(ctx context.Context, args ...string) (string, error) {
	program, err := tool("awscli/aws")
	if err != nil {
		return "", err
	}
	out, err := e.run(ctx, e.dir, program, args...)
	return strings.TrimSpace(out), err
}
