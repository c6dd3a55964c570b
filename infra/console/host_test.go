package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Whoever reaches the page can release locks, so it is for this machine's browser alone:
// not for another site's scripts, nor under a name that another site's DNS gives it.
func TestOnlyThePagesOwnButtonsCall(t *testing.T) {
	const address = "127.0.0.1:8484"
	host := newHost(&local.Stack{}, address)
	for name, tc := range map[string]struct {
		method, path, host, origin string
		want                       int
	}{
		"the page":                     {http.MethodGet, "/", address, "", http.StatusOK},
		"its script":                   {http.MethodGet, "/host.js", address, "", http.StatusOK},
		"the page under another name":  {http.MethodGet, "/", "evil.example:8484", "", http.StatusMisdirectedRequest},
		"a call of another site":       {http.MethodPost, "/call", address, "http://evil.example", http.StatusForbidden},
		"a call that hides its origin": {http.MethodPost, "/call", address, "", http.StatusForbidden},
		"a call under another name":    {http.MethodPost, "/call", "evil.example", "http://" + address, http.StatusMisdirectedRequest},
		"a call of no function":        {http.MethodPost, "/call", address, "http://" + address, http.StatusBadGateway},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, tc.path, strings.NewReader(`{"endpoint": "arn:none", "parameters": {}, "widgetContext": {}}`))
			r.Host = tc.host
			if tc.origin != "" {
				r.Header.Set("Origin", tc.origin)
			}
			w := httptest.NewRecorder()
			host.ServeHTTP(w, r)
			if w.Code != tc.want {
				t.Errorf("got %d: %s", w.Code, w.Body)
			}
		})
	}
}
