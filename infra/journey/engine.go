package journey

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Engine is a running MiniStack.
type Engine struct {
	Endpoint string
	dir      string // its home: it keeps nothing elsewhere
	process  *exec.Cmd
}

// tool is what `make` installed under that name in .build.
func tool(name string) (string, error) {
	path := filepath.Join(local.Root(), ".build", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is missing: run `make test`, which installs it", path)
	}
	return path, nil
}

// Start runs MiniStack on a free port of this machine, with dir as its home. It ends with
// Stop, and on Linux also when this process dies without it.
func Start(ctx context.Context, dir string) (*Engine, error) {
	program, err := tool("ministack/bin/ministack")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "ministack.log")) //nolint:gosec // a folder of the caller's
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the process has its own
	cmd := exec.Command(program)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "BIND_HOST=127.0.0.1", "GATEWAY_PORT=" + port, "MINISTACK_REGION=" + local.Region}
	cmd.SysProcAttr = endsWithThisProcess(&syscall.SysProcAttr{Setpgid: true})
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start MiniStack: %w", err)
	}
	e := &Engine{Endpoint: "http://127.0.0.1:" + port, dir: dir, process: cmd}
	if err := e.ready(ctx); err != nil {
		said, _ := os.ReadFile(log.Name()) // to explain the error
		e.Stop()
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	return e, nil
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}

func (e *Engine) ready(ctx context.Context) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Endpoint+"/_ministack/health", http.NoBody)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
			return nil
		}
	}
	return errors.New("MiniStack did not answer within a minute")
}

// Stop ends MiniStack and the functions that it runs.
func (e *Engine) Stop() {
	group := -e.process.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() { _ = e.process.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
	<-ended
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
