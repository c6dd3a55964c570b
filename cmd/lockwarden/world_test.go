package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var update = flag.Bool("update", false, "write the goldens")

// world is a deployed stack behind an endpoint that runs its functions: the local AWS
// has no Lambda that does.
type world struct {
	*testing.T
	stack   *local.Stack
	answers []string // to the questions that the command asks
	invoked []string // payloads of the unlock function
}

func newWorld(t *testing.T) *world {
	t.Helper()
	stack, err := local.StartForTest(t).Deploy(t.Context(), "lockwarden", map[string]string{"ReleaseGuard": "1ms", "StuckAfter": "1ms"}) // the name that the command has by default
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, stack: stack}
	target, err := url.Parse(w.stack.AWS().Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", httputil.NewSingleHostReverseProxy(target))
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", w.invoke)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for name, value := range w.stack.AWS().Env() {
		t.Setenv(name, value)
	}
	t.Setenv("AWS_ENDPOINT_URL", server.URL)
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	return w
}

func (w *world) invoke(response http.ResponseWriter, request *http.Request) {
	for folder, id := range map[string]string{
		"monitor": "MonitorFunction", "unlock": "UnlockFunction", "prune": "PruneFunction", "repair": "RepairFunction", "console": "ConsoleFunction",
	} {
		name := w.stack.Resources[id]
		if asked := request.PathValue("name"); asked != name && !strings.HasSuffix(asked, ":"+name) {
			continue
		}
		payload, err := io.ReadAll(request.Body)
		if err != nil {
			w.Error(err)
		}
		if folder == "unlock" {
			w.invoked = append(w.invoked, string(payload))
		}
		result, err := w.stack.Invoke(w.Context(), folder, id, string(payload))
		if err != nil {
			w.Error(err)
		}
		if result.Failed {
			response.Header().Set("X-Amz-Function-Error", "Unhandled")
		}
		_, _ = io.WriteString(response, result.Payload)
		return
	}
	http.NotFound(response, request)
}

// lock puts a lock object beside a state of the stack's bucket, and returns the state's path.
func (w *world) lock(key, id, who string) string {
	w.Helper()
	bucket, object := w.stack.Outputs["StateBucketName"], key+".tflock"
	path := bucket + "/" + key
	raw, err := tflock.Info{ID: id, Operation: "OperationTypeApply", Who: who, Version: "1.11.4", Created: time.Now().UTC(), Path: path}.Marshal()
	if err == nil {
		_, err = w.stack.AWS().S3().PutObject(w.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &object, Body: bytes.NewReader(raw)})
	}
	if err != nil {
		w.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // S3's clock has seconds
	return path
}

// unlock removes the lock object beside a state.
func (w *world) unlock(key string) {
	w.Helper()
	bucket, object := w.stack.Outputs["StateBucketName"], key+".tflock"
	if _, err := w.stack.AWS().S3().DeleteObject(w.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &object}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) run(in string, args ...string) (code int, out, errs string) {
	w.Helper()
	var stdout, stderr bytes.Buffer
	code = run(w.Context(), args, terminal{in: strings.NewReader(in), out: &stdout, err: &stderr, ask: func(context.Context, string) (string, error) {
		if len(w.answers) == 0 {
			return "", errors.New("nobody is there")
		}
		answer := w.answers[0]
		w.answers = w.answers[1:]
		return answer, nil
	}})
	return code, stdout.String(), stderr.String()
}

func (w *world) want(code, got int, out, errs string, parts ...string) {
	w.Helper()
	if code != got {
		w.Fatalf("exit code %d, want %d\n%s\n%s", got, code, out, errs)
	}
	for _, part := range parts {
		if !strings.Contains(out+errs, part) {
			w.Errorf("does not say %q:\n%s\n%s", part, out, errs)
		}
	}
}
