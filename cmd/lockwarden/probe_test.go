package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

// probeAt runs the command with an S3 at that endpoint, and AWS's other services nowhere.
func probeAt(t *testing.T, endpoint string, args ...string) (code int, out string) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
		"AWS_ENDPOINT_URL_S3": endpoint, "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	var text bytes.Buffer
	code = run(t.Context(), append([]string{"probe"}, args...), terminal{out: &text, err: &text})
	return code, text.String()
}

// obeysNobody is a store that does what it is asked for, whatever the condition.
func obeysNobody(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	switch {
	case r.URL.Query().Has("versioning"):
		_, _ = io.WriteString(w, "<VersioningConfiguration/>")
	case r.Method == http.MethodPut:
		w.Header().Set("Etag", `"0123456789abcdef0123456789abcdef"`)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<Error><Code>NoSuchKey</Code></Error>")
	}
}

func TestProbe(t *testing.T) {
	t.Run("a store that ignores conditions is not safe", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(obeysNobody))
		defer server.Close()
		code, out := probeAt(t, server.URL, "states")
		for _, part := range []string{"states", "Locks here are not real", "Unlock is not safe here, because", "Not tried: two requests at the same moment"} {
			if code != exitRefused || !strings.Contains(out, part) {
				t.Errorf("exit code %d, and %q is to be in\n%s", code, part, out)
			}
		}
		if code, out = probeAt(t, server.URL, "states", "--json"); code != exitRefused || !strings.Contains(out, `"create": "ignored"`) {
			t.Errorf("exit code %d\n%s", code, out)
		}
	})
	t.Run("a store that denies everything is not known", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code></Error>")
		}))
		defer server.Close()
		if code, out := probeAt(t, server.URL, "states"); code != exitPartial || !strings.Contains(out, "not known") || !strings.Contains(out, "AccessDenied") {
			t.Errorf("exit code %d\n%s", code, out)
		}
	})
	t.Run("nothing to probe is wrong usage", func(t *testing.T) {
		if code, out := probeAt(t, "http://127.0.0.1:1"); code != exitUsage || !strings.Contains(out, "--table") {
			t.Errorf("exit code %d\n%s", code, out)
		}
	})
}

// The local AWS honours conditions, and the probe leaves nothing in it.
func TestProbeOfTheLocalAWS(t *testing.T) {
	local.Need(t, local.Services)
	w := newWorld(t)
	bucket, table := w.stack.Outputs["StateBucketName"], w.stack.Outputs["LockTableName"]
	code, out, errs := w.run("", "probe", bucket, "--table", table)
	w.want(0, code, out, errs, bucket, table, "Locks here are real", "Unlock is safe here", "Versioning is on", "can be locked again")
	code, out, errs = w.run("", "probe", "no-such-bucket")
	w.want(exitPartial, code, out, errs, "NoSuchBucket", "not known")
	code, out, errs = w.run("", "locks")
	w.want(0, code, out, errs, "0 held", "0 unreadable")
}
