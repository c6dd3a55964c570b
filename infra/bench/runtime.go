package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// runtimeAPI is Lambda's side of the Runtime API, for one event.
type runtimeAPI struct {
	address string
	answers chan answer
	asked   time.Time // when the first event was asked for; set before answers gets one
	server  *http.Server
}

type answer struct {
	payload string
	failed  bool
	at      time.Time
}

func newRuntime(ctx context.Context, payload string) (*runtimeAPI, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	api := &runtimeAPI{address: listener.Addr().String(), answers: make(chan answer, 1)}
	var once sync.Once
	api.server = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := time.Now()
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
			api.answers <- answer{string(body), !strings.HasSuffix(r.URL.Path, "/response"), at}
			return
		}
		first := false
		once.Do(func() { first, api.asked = true, at })
		if !first {
			<-r.Context().Done() // there is no second event
			return
		}
		deadline, _ := ctx.Deadline()
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "11111111-2222-4333-8444-555555555555")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline.UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:bench")
		_, _ = io.WriteString(w, payload)
	})}
	go api.server.Serve(listener) //nolint:errcheck // close ends it
	return api, nil
}

func (api *runtimeAPI) close() { _ = api.server.Close() }
