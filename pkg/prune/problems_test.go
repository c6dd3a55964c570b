package prune_test

import (
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
)

// failing is the wire to an S3 that fails for some states, each with the code that its name begins with.
type failing struct{ local.Wire }

func (f *failing) Do(r *http.Request) (*http.Response, error) {
	code, _, fails := strings.Cut(path.Base(r.URL.Path), "-error")
	if !fails || r.Method != http.MethodGet {
		return f.Wire.Do(r)
	}
	return &http.Response{
		StatusCode: http.StatusInternalServerError, Header: http.Header{"Content-Type": {"application/xml"}}, Request: r,
		Body: io.NopCloser(strings.NewReader("<Error><Code>" + code + "</Code><Message>We encountered an error</Message></Error>")),
	}, nil
}

// One team has many stale states, each of which fails in words of its own. What could not be done for another team is in the
// answer and in the message all the same, with its path, or with its prefix where it failed like one of those (or those are named beside it).
func TestManyErrorsOfOnePrefixHideNoneOfOthers(t *testing.T) {
	for name, tc := range map[string]struct{ other, says string }{
		"another error":  {"b-team/branches/Internal-error.tfstate", "b-team/branches/Internal-error.tfstate"},
		"the same error": {"b-team/branches/Odd000-error.tfstate", "%s/b-team"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var err error
			if w.rules.Paths, err = policy.ParsePaths("*/branches/**"); err != nil {
				t.Fatal(err)
			}
			for i := range 120 {
				w.Put(fmt.Sprintf("a-team/branches/Odd%03d-error.tfstate", i), local.State(t, "destroyed"))
			}
			w.Put(tc.other, local.State(t, "destroyed"))
			if err := server.Age(w.Bucket, "", month); err != nil {
				t.Fatal(err)
			}
			want := strings.ReplaceAll(tc.says, "%s", w.Bucket)
			report, err := w.prunerOver(&failing{}).Run(t.Context(), prune.Request{}, "run")
			if err != nil || len(report.Errors) != 101 || !strings.Contains(strings.Join(report.Errors, "\n"), want) {
				t.Errorf("%v; %d errors: %q", err, len(report.Errors), report.Errors)
			}
			if text := w.Published()[0].Texts["email"]; !strings.Contains(text, want) {
				t.Errorf("the message does not say %s:\n%s", want, text)
			}
		})
	}
}
