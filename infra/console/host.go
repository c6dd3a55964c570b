package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/lockwarden/lockwarden/infra/local"
)

//go:embed host.html
var page string

//go:embed host.js
var script string

// newHost serves the page that stands for CloudWatch. It answers this machine's browser
// alone: requests that another site sends, or that reach it under another name, are
// refused, since its buttons release locks.
func newHost(stack *local.Stack, address string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		// What a widget may not do in CloudWatch it may not do here: no script but the host's.
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src 'self'")
		_, _ = io.WriteString(w, strings.Replace(page, "ENDPOINT", local.FunctionARN(stack.Resources["ConsoleFunction"]), 1))
	})
	mux.HandleFunc("GET /host.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = io.WriteString(w, script)
	})
	mux.HandleFunc("POST /call", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "http://"+address {
			http.Error(w, "only this page's own buttons may call", http.StatusForbidden)
			return
		}
		var call struct {
			Endpoint      string          `json:"endpoint"`
			Parameters    json.RawMessage `json:"parameters"`
			WidgetContext json.RawMessage `json:"widgetContext"`
		}
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&call); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := local.Dashboard{Stack: stack, Context: call.WidgetContext}.Call(r.Context(), call.Endpoint, call.Parameters)
		if err != nil {
			fmt.Println("  " + err.Error())
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Printf("  %s %s\n", call.Endpoint[strings.LastIndex(call.Endpoint, ":")+1:], call.Parameters)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, answer.HTML)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != address {
			http.Error(w, "this page is at http://"+address, http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
