package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Result is what an invocation gave.
type Result struct {
	Payload string // the answer, or the error as Lambda reports it
	Failed  bool   // the function returned an error
	Log     string
	// Asked is when the function first asked for an event, and Answered when it answered.
	Asked, Answered time.Time
}

// Timeout is what an invocation gets here, if it is not given another time.
const Timeout = 2 * time.Minute

// builds are the functions that this process has built: the sources do not change
// under it, and a build that finds nothing to do takes longer than an invocation.
var builds sync.Map // function to func() (string, error)

// Build compiles functions/<name> for this machine, with the flags of the deployed
// build, once a process.
func Build(ctx context.Context, function string) (string, error) {
	once, _ := builds.LoadOrStore(function, sync.OnceValues(func() (string, error) { return build(ctx, function) }))
	return once.(func() (string, error))()
}

func build(ctx context.Context, function string) (string, error) {
	dir := filepath.Join(Root(), ".build", "local")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	// Test packages build and run at the same time, so a binary in use is replaced, never
	// written to.
	fresh, err := os.MkdirTemp(dir, function+"-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh) //nolint:errcheck // at most another name of the binary is in it
	built, binary := filepath.Join(fresh, function), filepath.Join(dir, function)
	// What is up to date go does not link again. Where there is none yet, it links.
	_ = os.Link(binary, built)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "lambda.norpc", "-o", built, "./functions/"+function) //nolint:gosec // our own functions
	cmd.Dir, cmd.Env = Root(), append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", function, err, out)
	}
	return binary, os.Rename(built, binary)
}

// Invoke runs a function's binary once as Lambda does: a process with this
// environment and no other, which asks the Runtime API for its event.
func Invoke(ctx context.Context, binary string, environment map[string]string, payload string) (Result, error) {
	return InvokeWithin(ctx, Timeout, binary, environment, payload)
}

// InvokeWithin is Invoke with another timeout of the function, which it divides among its
// work.
func InvokeWithin(ctx context.Context, timeout time.Duration, binary string, environment map[string]string, payload string) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	api, answers, stop, err := StartRuntime(ctx, payload, FunctionARN(environment["AWS_LAMBDA_FUNCTION_NAME"]))
	if err != nil {
		return Result{}, err
	}
	defer stop()

	var log Output
	process := exec.CommandContext(ctx, binary)
	process.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + api, "PATH=" + os.Getenv("PATH")}
	for name, value := range environment {
		process.Env = append(process.Env, name+"="+value)
	}
	process.Stdout, process.Stderr = &log, &log
	if err := process.Start(); err != nil {
		return Result{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	select {
	case result := <-answers:
		cancel() // Lambda would keep it warm
		if err := <-ended; err == nil {
			return result, errors.New("the function ended by itself: Lambda would call that a crash")
		}
		result.Log = log.String()
		return result, nil
	case err := <-ended:
		return Result{Log: log.String()}, fmt.Errorf("%s ended without an answer: %w\n%s", filepath.Base(binary), err, log.String())
	}
}

// FunctionARN is the ARN of the function of that name.
func FunctionARN(name string) string {
	return "arn:aws:lambda:" + Region + ":123456789012:function:" + name
}

// StartRuntime is Lambda's side of the Runtime API, at that address, for one event. It ends with stop.
func StartRuntime(ctx context.Context, payload, arn string) (address string, answers <-chan Result, stop func(), err error) {
	const version = "/2018-06-01/runtime/"
	mux, results := http.NewServeMux(), make(chan Result, 1)
	var once sync.Once
	var asked time.Time // before there is a result
	mux.HandleFunc("GET "+version+"invocation/next", func(w http.ResponseWriter, _ *http.Request) {
		first := false
		once.Do(func() { first, asked = true, time.Now() })
		if !first {
			<-ctx.Done() // there is no second event
			return
		}
		deadline, _ := ctx.Deadline()
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "11111111-2222-4333-8444-"+strconv.FormatInt(time.Now().UnixNano()%1e12+1e12, 10)[1:])
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline.UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", arn)
		_, _ = io.WriteString(w, payload)
	})
	answer := func(failed bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			at := time.Now()
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
			results <- Result{Payload: string(body), Failed: failed, Asked: asked, Answered: at}
		}
	}
	mux.HandleFunc("POST "+version+"invocation/{id}/response", answer(false))
	mux.HandleFunc("POST "+version+"invocation/{id}/error", answer(true))
	mux.HandleFunc("POST "+version+"init/error", answer(true))
	url, stop, err := Serve(mux)
	return strings.TrimPrefix(url, "http://"), results, stop, err
}
