package slack_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert/slack"
	"github.com/lockwarden/lockwarden/pkg/parameter"
)

func TestRetries(t *testing.T) {
	for name, tc := range map[string]struct {
		answers []answer
		within  time.Duration
		posts   int
		took    time.Duration // at least
		atMost  time.Duration
		fails   bool
	}{
		"a busy Slack is asked again when it said":     {[]answer{{429, "7", "rate_limited"}}, time.Minute, 2, 7 * time.Second, 7 * time.Second, false},
		"a failing Slack is asked again when it said":  {[]answer{{503, "3", ""}, {503, "4", ""}}, time.Minute, 3, 7 * time.Second, 7 * time.Second, false},
		"a date says when as well":                     {[]answer{{429, "date+5s", ""}}, time.Minute, 2, 4 * time.Second, 5 * time.Second, false},
		"an answer that says nothing waits a little":   {[]answer{{500, "", "rollup_error"}, {502, "", ""}}, time.Minute, 3, time.Second, 10 * time.Second, false},
		"a pause of nothing is a second":               {[]answer{{429, "0", ""}, {429, "-5", ""}}, time.Minute, 3, 2 * time.Second, 2 * time.Second, false},
		"a pause beyond the time is not begun":         {[]answer{{429, "300", ""}}, time.Minute, 1, 0, 0, true},
		"it gives up before Lambda ends it":            {repeat(answer{500, "", ""}, 100), time.Minute, 0, 20 * time.Second, 57 * time.Second, true},
		"a pause that nobody understands is its own":   {[]answer{{429, "soon", ""}}, time.Minute, 2, 100 * time.Millisecond, 2 * time.Second, false},
		"what goes through at once is posted once":     {nil, time.Minute, 1, 0, 0, false},
		"any other success is one":                     {[]answer{{204, "", ""}}, time.Minute, 1, 0, 0, false},
		"without time left there is one quick attempt": {[]answer{{500, "", ""}}, time.Second, 1, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for i, a := range tc.answers {
					if a.retryAfter == "date+5s" {
						tc.answers[i].retryAfter = time.Now().Add(5 * time.Second).UTC().Format(http.TimeFormat)
					}
				}
				w := newWorld(tc.answers...)
				started := time.Now()
				err := w.Handle(within(t, tc.within), sns("1"))
				if took := time.Since(started); took < tc.took || took > tc.atMost {
					t.Errorf("took %s, want %s to %s", took, tc.took, tc.atMost)
				}
				if (err != nil) != tc.fails {
					t.Errorf("error %v", err)
				}
				if _, temporary := errors.AsType[*slack.UnreachableError](err); tc.fails && !temporary {
					t.Errorf("got %T", err)
				}
				if tc.posts != 0 && len(w.channel.posts) != tc.posts {
					t.Errorf("%d posts, want %d", len(w.channel.posts), tc.posts)
				}
			})
		})
	}
}

func repeat(a answer, n int) []answer {
	all := make([]answer, n)
	for i := range all {
		all[i] = a
	}
	return all
}

func TestARefusalForGoodIsNotRetried(t *testing.T) {
	for name, tc := range map[string]struct {
		answer
		says string
	}{
		"a webhook that was removed":             {answer{404, "", "no_service"}, "404 no_service: the webhook is gone"},
		"a channel that was removed":             {answer{404, "", "channel_not_found"}, "its channel is gone"},
		"a channel that was archived":            {answer{410, "", "channel_is_archived"}, "410 channel_is_archived: its channel is gone"},
		"a post that is forbidden":               {answer{403, "", "action_prohibited"}, "an administrator forbids"},
		"a revoked token":                        {answer{403, "", "invalid_token\n"}, "the webhook is gone"},
		"a message that it does not understand":  {answer{400, "", "invalid_payload"}, "400 invalid_payload: it does not understand"},
		"a message that is too large":            {answer{413, "", ""}, "it does not understand"},
		"an answer that quotes the URL":          {answer{404, "", "Cannot POST /services/" + secretPath}, "404: the webhook is gone"},
		"an answer that is the secret alone":     {answer{400, "", "wh00ks3cr3t"}, "400: it does not understand"},
		"a redirect, which would lose the post":  {answer{301, "", ""}, "301: the URL leads elsewhere"},
		"a refusal that says when to come again": {answer{403, "1", ""}, "403: an administrator forbids"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(tc.answer)
				err := w.Handle(within(t, time.Minute), sns("1"))
				if _, permanent := errors.AsType[*slack.RefusedError](err); !permanent || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("got %T: %v", err, err)
				}
				if len(w.channel.posts) != 1 {
					t.Errorf("%d posts", len(w.channel.posts))
				}
				w.mustHide(t, err)
				if !strings.Contains(w.log.String(), `"permanent":true`) {
					t.Errorf("the log does not tell it apart: %s", w.log)
				}
			})
		})
	}
}

// mustHide finds any part of the URL in the error or the log.
func (w *world) mustHide(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{"hooks.slack", "services", "SECRET", "s3cr3t"} {
		if text := fmt.Sprintf("%v %+v %#v", err, err, err) + w.log.String(); strings.Contains(text, secret) {
			t.Errorf("%q is in %s", secret, text)
		}
	}
}

// net/http puts the URL into every error, and resolvers and dialers the host.
func TestAnErrorOfTheNetworkHidesTheURL(t *testing.T) {
	for says, broken := range map[string]error{
		"its host name is not known":   &net.DNSError{Err: "no such host", Name: "hooks.slack.example", IsNotFound: true},
		"the connection was refused":   &net.OpError{Op: "dial", Addr: &net.TCPAddr{}, Err: &url.Error{Op: "Post", URL: webhookURL, Err: syscall.ECONNREFUSED}},
		"the connection broke":         errors.New("read " + webhookURL + ": connection reset by peer"),
		"no answer in time":            &net.DNSError{Err: "i/o timeout", Name: "hooks.slack.example", IsTimeout: true},
		"its certificate is not valid": &url.Error{Op: "Post", URL: webhookURL, Err: unknownAuthority},
	} {
		t.Run(says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.channel.broken = broken
				err := w.Handle(within(t, 30*time.Second), sns("1"))
				if e, temporary := errors.AsType[*slack.UnreachableError](err); !temporary || !strings.Contains(err.Error(), says) || e.Attempts != len(w.channel.posts) || e.Attempts < 3 {
					t.Errorf("got %v", err)
				}
				w.mustHide(t, err)
			})
		})
	}
}

func TestAMessageIsPostedOnce(t *testing.T) {
	w := newWorld(answer{404, "", "no_service"})
	if err := w.Handle(t.Context(), sns("1")); err == nil {
		t.Fatal("refused, and no error")
	}
	for range 3 { // Lambda delivers at least once
		if err := w.Handle(t.Context(), sns("1")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Handle(t.Context(), sns("2")); err != nil {
		t.Fatal(err)
	}
	if len(w.channel.posts) != 3 {
		t.Errorf("%d posts for a refused, a repeated and another one", len(w.channel.posts))
	}
}

func TestTheURLIsReadOnce(t *testing.T) {
	w := newWorld()
	for id := range 5 {
		if err := w.Handle(t.Context(), sns(fmt.Sprint(id))); err != nil {
			t.Fatal(err)
		}
	}
	if w.store.reads != 1 {
		t.Errorf("read %d times", w.store.reads)
	}
	t.Run("and again when Slack has refused it", func(t *testing.T) {
		w := newWorld(answer{404, "", "no_service"})
		for id := range 3 {
			_ = w.Handle(t.Context(), sns(fmt.Sprint(id))) // the first is refused
		}
		if w.store.reads != 2 || len(w.channel.posts) != 3 {
			t.Errorf("read %d times for %d posts", w.store.reads, len(w.channel.posts))
		}
	})
}

func TestParameters(t *testing.T) {
	clear := parameter.Parameter{Type: "String", Value: webhookURL}
	for name, tc := range map[string]struct {
		asked  string
		values map[string]parameter.Parameter
		fails  string // empty: it is posted
		logs   string
	}{
		"a name with its slash":              {"/team/slack", map[string]parameter.Parameter{"/team/slack": secure(webhookURL)}, "", ""},
		"a name that lost its slash":         {"team/slack", map[string]parameter.Parameter{"/team/slack": secure(webhookURL)}, "", ""},
		"a name that gained one":             {"/slack", map[string]parameter.Parameter{"slack": secure(webhookURL)}, "", ""},
		"a URL with a line break":            {"slack", map[string]parameter.Parameter{"slack": secure(" " + webhookURL + "\n")}, "", ""},
		"any http URL":                       {"slack", map[string]parameter.Parameter{"slack": secure("http://hooks.slack.example:8080/x?token=s3cr3t")}, "", ""},
		"a parameter that is not a secret":   {"slack", map[string]parameter.Parameter{"slack": clear}, "", "SecureString"},
		"a parameter that is not there":      {"slack", nil, "from the parameter slack", ""},
		"a text that is not a URL":           {"slack", map[string]parameter.Parameter{"slack": secure("s3cr3t")}, "holds no http or https URL", ""},
		"a URL that cannot be parsed":        {"slack", map[string]parameter.Parameter{"slack": secure("https://hooks.slack.example/%zzSECRET")}, "holds no http or https URL", ""},
		"a URL that posts nothing over HTTP": {"slack", map[string]parameter.Parameter{"slack": secure("ftp://hooks.slack.example/SECRET")}, "holds no http or https URL", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.store.values = tc.values
			w.Secret = slack.NewSecret(w.store, tc.asked)
			defer capture(w.log)()
			err := w.Handle(t.Context(), sns("1"))
			if (err == nil) != (tc.fails == "") || (err != nil && !strings.Contains(err.Error(), tc.fails)) {
				t.Errorf("got %v", err)
			}
			if !strings.Contains(w.log.String(), tc.logs) {
				t.Errorf("logged %s", w.log)
			}
			w.mustHide(t, err)
		})
	}
}
