package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Region is where everything local lies.
const Region = "eu-central-1"

// AWS is one moto server.
type AWS struct {
	Endpoint string
	server   *exec.Cmd

	mu     sync.Mutex // of the questions that the server answers, see serve.py
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// Root is the folder of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// python is the interpreter with moto and the SAM transform.
func python() (string, error) {
	path := filepath.Join(Root(), ".build", "venv", "bin", "python")
	if _, err := os.Stat(path); err != nil {
		return "", errors.New("the local AWS is not installed: run `make setup`")
	}
	return path, nil
}

// Start runs a moto server of its own on a free port. It ends with Stop, or when this
// process does, however it does.
func Start() (*AWS, error) {
	interpreter, err := python()
	if err != nil {
		return nil, err
	}
	server := exec.Command(interpreter, filepath.Join(Root(), "infra", "local", "serve.py")) //nolint:gosec // our own script
	server.Stderr = os.Stderr
	stdin, err := server.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start moto: %w", err)
	}
	answers := bufio.NewReader(stdout)
	port, err := answers.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("moto did not start: %w", errors.Join(err, server.Wait()))
	}
	return &AWS{Endpoint: "http://127.0.0.1:" + strings.TrimSpace(port), server: server, stdin: stdin, stdout: answers}, nil
}

// ask has the server's process do what no API does, see serve.py.
func (a *AWS) ask(question string) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := io.WriteString(a.stdin, question+"\n"); err != nil {
		return nil, fmt.Errorf("ask moto %q: %w", question, err)
	}
	answer, err := a.stdout.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("ask moto %q: %w", question, err)
	}
	return answer, nil
}

// Age makes the objects of a bucket with that prefix older than they are: time passes for
// them alone.
func (a *AWS) Age(bucket, prefix string, by time.Duration) error {
	_, err := a.ask(fmt.Sprintf("age %f %s %s", by.Seconds(), bucket, prefix))
	return err
}

// Stop ends the server.
func (a *AWS) Stop() {
	_ = a.stdin.Close() // the server ends by itself then
	_ = a.server.Wait()
}

// connections are never kept: moto closes idle ones without a word, and a call that
// meets such a one is lost, effect or answer.
var connections = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Config is for SDK clients of this AWS.
func (a *AWS) Config() aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: &a.Endpoint, HTTPClient: connections,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
}

// Env is for child processes that talk to this AWS.
func (a *AWS) Env() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL": a.Endpoint, "AWS_REGION": Region, "AWS_DEFAULT_REGION": Region,
		"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true",
	}
}

// runPython runs one of this folder's scripts against this AWS and gives what it
// printed.
func (a *AWS) runPython(ctx context.Context, script string, args ...string) ([]byte, error) {
	interpreter, err := python()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, interpreter, append([]string{filepath.Join(Root(), "infra", "local", script)}, args...)...) //nolint:gosec // our own script
	cmd.Env = os.Environ()
	for name, value := range a.Env() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%s: %w\n%s", script, err, exit.Stderr)
	}
	return out, err
}
