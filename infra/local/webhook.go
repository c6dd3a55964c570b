package local

import (
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Webhook stands in for Slack: an endpoint on this machine that takes posts.
type Webhook struct {
	URL  string
	Stop func() // ends the endpoint

	mu      sync.Mutex
	posts   []string
	refusal Refusal
}

// Refusal is what a webhook answers in place of "ok". The zero value is none.
type Refusal struct {
	Status     int
	RetryAfter time.Duration
	Body       string
}

// StartWebhook listens for posts to a path, which is a webhook's secret.
func StartWebhook(path string) (*Webhook, error) {
	w, mux := &Webhook{}, http.NewServeMux()
	mux.HandleFunc("POST "+path, w.take)
	endpoint, stop, err := Serve(mux)
	w.URL, w.Stop = endpoint+path, stop
	return w, err
}

// Refuse makes it answer so from now on.
func (w *Webhook) Refuse(r Refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusal = r
}

// Posts are the bodies that were posted, refused ones included, in order.
func (w *Webhook) Posts() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.posts[:len(w.posts):len(w.posts)]
}

func (w *Webhook) take(out http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.posts = append(w.posts, string(body))
	if w.refusal.Status == 0 {
		_, _ = io.WriteString(out, "ok")
		return
	}
	if w.refusal.RetryAfter > 0 {
		out.Header().Set("Retry-After", strconv.Itoa(int(w.refusal.RetryAfter.Seconds())))
	}
	out.WriteHeader(w.refusal.Status)
	_, _ = io.WriteString(out, w.refusal.Body)
}
