package lambda

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Emulator is aws-lambda-rie with a function in it. It starts the function at the first
// invocation and keeps it warm, as Lambda does.
type Emulator struct {
	url     string
	process *exec.Cmd
	log     *local.Output
}

// Start runs a built function, with this environment beside its own, until Stop.
func Start(ctx context.Context, binary string, environment map[string]string) (*Emulator, error) {
	invocations, err := freeAddress()
	if err != nil {
		return nil, err
	}
	runtime, err := freeAddress()
	if err != nil {
		return nil, err
	}
	e := &Emulator{url: "http://" + invocations + "/2015-03-31/functions/function/invocations", log: &local.Output{}}
	// Any start of it is a server, on every address if it is not given one.
	e.process = exec.Command(filepath.Join(local.Root(), ".build", string(local.LambdaRIE)), //nolint:gosec // built by make
		"--runtime-interface-emulator-address", invocations, "--runtime-api-address", runtime, binary)
	e.process.Env = []string{"PATH=" + os.Getenv("PATH"), "AWS_LAMBDA_FUNCTION_TIMEOUT=60"}
	for name, value := range environment {
		e.process.Env = append(e.process.Env, name+"="+value)
	}
	e.process.Stdout, e.process.Stderr = e.log, e.log
	e.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := e.process.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if connection, err := net.DialTimeout("tcp", invocations, time.Second); err == nil {
			return e, connection.Close()
		}
	}
	e.Stop()
	return nil, fmt.Errorf("the emulator does not listen\n%s", e.Log())
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// Invoke returns the answer to a payload. A function's error is an answer with an errorType.
func (e *Emulator) Invoke(ctx context.Context, payload string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, strings.NewReader(payload))
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close() //nolint:errcheck // nothing is lost with a body that was read
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the emulator answers %s: %s", answer.Status, body)
	}
	return string(body), err
}

// Log is what the emulator and the function have printed.
func (e *Emulator) Log() string { return e.log.String() }

// Stop ends the emulator and the function.
func (e *Emulator) Stop() {
	_ = syscall.Kill(-e.process.Process.Pid, syscall.SIGKILL)
	_ = e.process.Wait() // it was killed
}
