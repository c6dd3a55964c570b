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
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/lockwarden/lockwarden/pkg/httpbody"
)

// Region is where everything local is.
const Region = "eu-central-1"

// AWS is one moto server, and who calls it: the administrator, or a role's session,
// which may do only what the role's policies allow (see authorise.py).
type AWS struct {
	Endpoint string
	caller   aws.Credentials
	region   string
	apart    map[string]string // endpoints of single services, by their IDs in the SDK
	*server
}

type server struct {
	process *exec.Cmd

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
	process := exec.Command(interpreter, filepath.Join(Root(), "infra", "local", "serve.py")) //nolint:gosec // our own script
	process.Stderr = os.Stderr
	stdin, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("start moto: %w", err)
	}
	answers := bufio.NewReader(stdout)
	port, err := answers.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("moto did not start: %w", errors.Join(err, process.Wait()))
	}
	return &AWS{
		Endpoint: "http://127.0.0.1:" + strings.TrimSpace(port),
		caller:   aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"},
		region:   Region,
		server:   &server{process: process, stdin: stdin, stdout: answers},
	}, nil
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

// Hurry has the server switch between its threads that often: races that are rare show.
func (a *AWS) Hurry(every time.Duration) error {
	_, err := a.ask(fmt.Sprintf("hurry %f", every.Seconds()))
	return err
}

// Clock has S3's clock run that much ahead of this machine's: what is written from now on
// has that time.
func (a *AWS) Clock(ahead time.Duration) error {
	_, err := a.ask(fmt.Sprintf("clock %f", ahead.Seconds()))
	return err
}

// Fill puts n empty objects into a bucket: the prefix, and a number of five digits from 0
// on. It is for tests of more than a page: one by one they take seconds.
func (a *AWS) Fill(bucket, prefix string, n int) error {
	_, err := a.ask(fmt.Sprintf("fill %d %s %s", n, bucket, prefix))
	return err
}

// Stop ends the server.
func (a *AWS) Stop() {
	_ = a.stdin.Close() // the server ends by itself then
	_ = a.process.Wait()
}

// connections are never kept: moto closes idle ones without a word, and a call that
// meets such a one is lost, effect or answer.
var connections = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Config is for SDK clients of this AWS.
func (a *AWS) Config() aws.Config {
	return aws.Config{
		Region: a.region, BaseEndpoint: &a.Endpoint, HTTPClient: httpbody.Plain(connections), ConfigSources: []any{a},
		Credentials: credentials.StaticCredentialsProvider{Value: a.caller},
	}
}

// GetServiceBaseEndpoint is what the SDK's clients ask for the endpoint of one service.
func (a *AWS) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	endpoint, found := a.apart[sdkID]
	return endpoint, found, nil
}

// at is the endpoint of a service, by its ID in the SDK.
func (a *AWS) at(sdkID string) string {
	if endpoint, found := a.apart[sdkID]; found {
		return endpoint
	}
	return a.Endpoint
}

// Env is for child processes that talk to this AWS.
func (a *AWS) Env() map[string]string {
	environment := map[string]string{
		"AWS_ENDPOINT_URL": a.Endpoint, "TRUST_STORES": "true", // it stands for AWS, which nobody probes
		"AWS_REGION": a.region, "AWS_DEFAULT_REGION": a.region,
		"AWS_ACCESS_KEY_ID": a.caller.AccessKeyID, "AWS_SECRET_ACCESS_KEY": a.caller.SecretAccessKey, "AWS_EC2_METADATA_DISABLED": "true",
	}
	for service, endpoint := range a.apart {
		environment["AWS_ENDPOINT_URL_"+strings.ToUpper(service)] = endpoint
	}
	if a.caller.SessionToken != "" {
		environment["AWS_SESSION_TOKEN"] = a.caller.SessionToken
	}
	return environment
}

// As is the same AWS, called in a session of that role.
func (a *AWS) As(ctx context.Context, roleARN string) (*AWS, error) {
	out, err := sts.NewFromConfig(a.Config()).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &roleARN, RoleSessionName: aws.String("local")})
	if err != nil {
		return nil, fmt.Errorf("assume %s: %w", roleARN, err)
	}
	session := *a
	session.caller = aws.Credentials{
		AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken,
	}
	return &session, nil
}

// runPython runs one of this folder's scripts with this environment beside our own, and
// gives what it printed.
func runPython(ctx context.Context, environment map[string]string, script string, args ...string) ([]byte, error) {
	interpreter, err := python()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, interpreter, append([]string{filepath.Join(Root(), "infra", "local", script)}, args...)...) //nolint:gosec // our own script
	cmd.Env = os.Environ()
	for name, value := range environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%s: %w\n%s", script, err, exit.Stderr)
	}
	return out, err
}
