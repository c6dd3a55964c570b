package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Where Lambda refuses a call, the function did nothing: people are not left in doubt of that at night.
func TestACallThatLambdaRefusesIsNoLostAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		kind    string
		refused bool
	}{
		"without permission":      {http.StatusForbidden, "AccessDeniedException", true},
		"no such function":        {http.StatusNotFound, "ResourceNotFoundException", true},
		"no room":                 {http.StatusTooManyRequests, "TooManyRequestsException", true},
		"a failure inside of AWS": {http.StatusInternalServerError, "ServiceException", false},
		"a proxy's page":          {http.StatusBadGateway, "", false},
		"a request timed out":     {http.StatusRequestTimeout, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amzn-ErrorType", c.kind)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, `{"Message":"no"}`)
			}))
			defer server.Close()
			s := &session{terminal: terminal{err: io.Discard}, outputs: map[string]string{unlockOutput: "f"}, config: aws.Config{
				Region: "eu-central-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), HTTPClient: server.Client(),
			}}
			_, err := s.invoke(t.Context(), unlockOutput, unlockRequest{})
			var errs bytes.Buffer
			code := exitCode(terminal{err: &errs}, err)
			if doubt := strings.Contains(errs.String(), "not known"); doubt == c.refused {
				t.Errorf("%s", errs.String())
			}
			if want := map[bool]int{true: exitUsage, false: exitFailed}[c.refused]; code != want {
				t.Errorf("exit code %d, want %d: %s", code, want, errs.String())
			}
		})
	}
}
