package local

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// Serve answers on a free port of this machine until stop is called.
func Serve(answers http.Handler) (endpoint string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: answers, ReadHeaderTimeout: time.Minute}
	go server.Serve(listener) //nolint:errcheck // stop ends it
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}

// Proxy stands before an endpoint until stop is called. answers sees each request first, with
// its body, and reports whether it has answered it in the endpoint's place.
func Proxy(endpoint string, answers func(w http.ResponseWriter, r *http.Request, body []byte) bool) (proxied string, stop func(), err error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return "", nil, err
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}}
	return Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if !answers(w, r, body) {
			forward.ServeHTTP(w, r)
		}
	}))
}
