package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Client is a real Terraform or OpenTofu.
type Client struct {
	Name string // "terraform" or "tofu"
	Path string
}

// Tofu is the OpenTofu that `make setup` built.
func Tofu() (Client, error) {
	path := filepath.Join(Root(), ".build", "bin", "tofu")
	if _, err := os.Stat(path); err != nil {
		return Client{}, errors.New("OpenTofu is not built: run `make setup`")
	}
	return Client{"tofu", path}, nil
}

const terraform15 = "terraform-1.5.7"

// Terraform15 is the Terraform 1.5.7 that `make test` builds: the last release with the
// first AWS SDK, which keeps double slashes in the rows of a lock table.
func Terraform15() (Client, error) {
	path := filepath.Join(Root(), ".build", "bin", "terraform-1.5.7")
	if _, err := os.Stat(path); err != nil {
		return Client{}, errors.New("no Terraform 1.5.7 is built: run `make test`, which builds it")
	}
	return Client{terraform15, path}, nil
}

// TerraformOnPath is the one that somebody installed: its licence keeps make from installing it.
func TerraformOnPath() (Client, error) {
	path, err := exec.LookPath("terraform")
	if err != nil {
		return Client{}, errors.New("no terraform is on PATH: see https://developer.hashicorp.com/terraform/install")
	}
	return Client{"terraform", path}, nil
}

// Clients are the OpenTofu that `make setup` built, and Terraform where it is on PATH.
func Clients() ([]Client, error) {
	tofu, err := Tofu()
	if err != nil {
		return nil, err
	}
	clients := []Client{tofu}
	if terraform, err := TerraformOnPath(); err == nil {
		clients = append(clients, terraform)
	}
	return clients, nil
}

// Mode is how a client is configured to lock.
type Mode string

// The modes.
const (
	ByTable Mode = "dynamodb"
	ByFile  Mode = "lockfile"
	ByBoth  Mode = "both"
)

// Modes are all of them.
var Modes = []Mode{ByTable, ByFile, ByBoth}

// Workspace is an initialised working directory of a client.
type Workspace struct {
	client Client
	dir    string
	env    []string
	named  string // Terraform's workspace; empty for the one that is selected
}

// Init writes a configuration into dir and initialises it, with more arguments of init where they
// are given. Its commands have this environment and no other.
func Init(ctx context.Context, c Client, dir, configuration string, env []string, args ...string) (*Workspace, error) {
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(configuration), 0o600); err != nil {
		return nil, err
	}
	w := &Workspace{client: c, dir: dir, env: env}
	_, err := w.Run(ctx, append([]string{"init"}, args...)...)
	return w, err
}

// In is the same directory with another of Terraform's workspaces, which need not exist.
func (w *Workspace) In(name string) *Workspace {
	other := *w
	other.named = name
	return &other
}

// configuration has a resource of the built-in provider that takes seconds to make, so
// that an apply holds its lock that long, and ticks that are made one after the other,
// so that the client writes the state while it is at work.
const configuration = `terraform {
  backend "s3" {
    bucket                      = %q
    key                         = %q
    region                      = %q
    %s
    endpoints                   = { s3 = %q, dynamodb = %q, sts = %q, iam = %q }
    use_path_style              = true
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_region_validation      = true
    skip_requesting_account_id  = true
  }
}

variable "seconds" { default = 0 }
variable "ticks" { default = 0 }

resource "terraform_data" "app" {
  input            = "app"
  triggers_replace = var.seconds
  provisioner "local-exec" { command = "sleep ${var.seconds}" }
}

resource "terraform_data" "tick" {
  count = var.ticks
  provisioner "local-exec" { command = "sleep 6" }
}
`

// Workspace writes a configuration for one state into dir and initialises it, with more
// arguments of init where they are given.
func (a *AWS) Workspace(ctx context.Context, c Client, dir, bucket, table, key string, mode Mode, initArgs ...string) (*Workspace, error) {
	locking := map[Mode]string{
		ByTable: fmt.Sprintf("dynamodb_table = %q", table),
		ByFile:  "use_lockfile = true",
		ByBoth:  fmt.Sprintf("dynamodb_table = %q\n    use_lockfile = true", table),
	}[mode]
	text := fmt.Sprintf(configuration, bucket, key, Region, locking, a.at(s3.ServiceID), a.at(dynamodb.ServiceID), a.Endpoint, a.Endpoint)
	if c.Name == terraform15 { // whose backend has older names for the same arguments
		text = strings.NewReplacer(
			"use_path_style ", "force_path_style ", "skip_requesting_account_id  = true", "",
			fmt.Sprintf("endpoints                   = { s3 = %q, dynamodb = %q, sts = %q, iam = %q }", a.at(s3.ServiceID), a.at(dynamodb.ServiceID), a.Endpoint, a.Endpoint),
			fmt.Sprintf("endpoint = %q\n    dynamodb_endpoint = %q\n    sts_endpoint = %q\n    iam_endpoint = %q", a.at(s3.ServiceID), a.at(dynamodb.ServiceID), a.Endpoint, a.Endpoint),
		).Replace(text)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1"}
	for name, value := range a.Env() {
		env = append(env, name+"="+value)
	}
	return Init(ctx, c, dir, text, env, initArgs...)
}

// Run runs the client to its end and gives its output, which the error carries too.
func (w *Workspace) Run(ctx context.Context, args ...string) (string, error) {
	out, err := w.command(ctx, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %v: %w\n%s", w.client.Name, args, err, out)
	}
	return string(out), nil
}

// Run of a client that holds its lock: an apply with a resource that takes long.
type Run struct {
	cmd  *exec.Cmd
	done chan error
}

// TenMinutes and Ticking are applies that hold their lock for ten minutes in silence, and
// for one minute while they write the state.
var (
	TenMinutes = []string{"-var=seconds=600"}
	Ticking    = []string{"-var=ticks=10", "-parallelism=1"}
)

// Hold starts an apply with these arguments, and waits until held says that its lock
// is there.
func (w *Workspace) Hold(ctx context.Context, args []string, held func() bool) (*Run, error) {
	return w.Start(ctx, args, func(string) bool { return held() })
}

// Start starts an apply, and waits until held says by what it has printed that it holds its lock.
func (w *Workspace) Start(ctx context.Context, args []string, held func(said string) bool) (*Run, error) {
	cmd, said := w.command(ctx, append([]string{"apply", "-auto-approve"}, args...)...), &Output{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &Run{cmd: cmd, done: make(chan error, 1)}
	go func() { r.done <- cmd.Wait() }()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if held(said.String()) {
			return r, nil
		}
		select {
		case err := <-r.done:
			return nil, fmt.Errorf("%s ended before its lock was seen: %w\n%s", w.client.Name, err, said)
		default:
		}
	}
	return nil, errors.Join(errors.New("the lock was not seen within two minutes"), r.Kill())
}

// Kill ends the client and all that it started, as a laptop does that dies: the lock
// stays.
func (r *Run) Kill() error {
	err := syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
	_ = r.Wait() // that it was killed is known
	return err
}

// Wait lets the run come to its end, and says how it was, whoever asks.
func (r *Run) Wait() error {
	err := <-r.done
	r.done <- err
	return err
}

func (w *Workspace) command(ctx context.Context, args ...string) *exec.Cmd {
	switch args[0] {
	case "force-unlock": // flags come before the ID
		args = append([]string{"force-unlock", "-force", "-no-color"}, args[1:]...)
	case "workspace", "state": // they take no such flags
	default:
		args = append(args[:len(args):len(args)], "-no-color", "-input=false")
	}
	cmd := exec.CommandContext(ctx, w.client.Path, args...) //nolint:gosec // a client that make setup installed
	cmd.Dir = w.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with what it started
	cmd.Env = w.env
	if w.named != "" {
		cmd.Env = append(slices.Clip(w.env), "TF_WORKSPACE="+w.named)
	}
	return cmd
}
