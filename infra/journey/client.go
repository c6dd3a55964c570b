package journey

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// slow is a resource that takes as many seconds to make as a variable says, of the
// built-in provider: nothing is downloaded.
const slow = `
variable "seconds" { default = 0 }

resource "terraform_data" "app" {
  input            = "app"
  triggers_replace = var.seconds
  provisioner "local-exec" { command = "sleep ${var.seconds}" }
}
`

// Project is a folder with a configuration, as a user has it.
type Project struct {
	engine *Engine
	client local.Client
	dir    string
}

// Init makes a project with this backend block, as the stack's output gives it, and
// initialises it. What MiniStack needs besides is given as flags.
func (e *Engine) Init(ctx context.Context, c local.Client, dir, backend string) (*Project, error) {
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(backend+slow), 0o600); err != nil {
		return nil, err
	}
	p := &Project{e, c, dir}
	_, err := p.Run(ctx, "init", "-backend-config=use_path_style=true", "-backend-config=skip_requesting_account_id=true", "-backend-config=skip_credentials_validation=true")
	return p, err
}

// Run runs the client to its end. The error carries its output. On a busy machine the SDK in a
// client loses one answer in a thousand (pkg/httpbody says why): it asks again, and meets the lock
// that it has just taken itself. Its user then releases that lock and runs the command again.
func (p *Project) Run(ctx context.Context, args ...string) (string, error) {
	began := time.Now()
	said, err := p.runOnce(ctx, args...)
	own := ""
	if err != nil {
		own = takenSince(said, began)
	}
	if own == "" {
		return said, err
	}
	_, failed := p.runOnce(ctx, "force-unlock", own) // of a half-lock it removes that half, and fails
	if said, err = p.runOnce(ctx, args...); err != nil {
		err = errors.Join(err, failed)
	}
	return said, err
}

func (p *Project) runOnce(ctx context.Context, args ...string) (string, error) {
	out, err := p.command(ctx, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %v: %w\n%s", p.client.Name, args, err, out)
	}
	return string(out), nil
}

var lockInfo = regexp.MustCompile(`(?s)Lock Info:\n\s+ID:\s+(\S+).*\n\s+Created:\s+(\S+ \S+ \+0000 UTC)`)

// takenSince is the ID of the lock that a client met, if it was taken since then; else empty.
func takenSince(said string, began time.Time) string {
	found := lockInfo.FindStringSubmatch(said)
	if found == nil {
		return ""
	}
	if created, err := time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", found[2]); err != nil || created.Before(began) {
		return ""
	}
	return found[1]
}

// Die starts an apply, waits until it works under its lock, and kills it with kill -9, as
// a laptop does that dies: the lock stays.
func (p *Project) Die(ctx context.Context) error {
	cmd, said := p.command(ctx, "apply", "-auto-approve", "-var=seconds=600"), &local.Output{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan string, 1)
	go func() { done <- fmt.Sprint(cmd.Wait()) }()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if strings.Contains(said.String(), "terraform_data.app: Creating...") {
			err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-done // it was killed: how it ended is known
			return err
		}
		select {
		case how := <-done:
			return fmt.Errorf("%s ended before it made anything (%s)\n%s", p.client.Name, how, said)
		default:
		}
	}
	return errors.Join(fmt.Errorf("%s made nothing for two minutes\n%s", p.client.Name, said), syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL))
}

func (p *Project) command(ctx context.Context, args ...string) *exec.Cmd {
	if args[0] == "force-unlock" { // flags come before the ID
		args = append([]string{"force-unlock", "-force", "-no-color"}, args[1:]...)
	} else {
		args = append(args, "-no-color", "-input=false")
	}
	cmd := exec.CommandContext(ctx, p.client.Path, args...) //nolint:gosec // a client of this machine
	cmd.Dir, cmd.Env = p.dir, append(p.engine.environment(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with what it started
	return cmd
}
