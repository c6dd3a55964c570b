package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/textproto"
	"sync"
	"time"
)

// maxRequest bounds a request: SNS takes messages of 256 KiB, which a form makes up to three
// times as long.
const maxRequest = 1 << 20

// topic answers SNS's Publish.
type topic struct {
	send func(ctx context.Context, subject, text string) error

	mu   sync.Mutex
	said map[string]time.Time // when a mail last said so, by its subject
}

// ServeHTTP answers as SNS does, in XML. A mail that was not taken now (503) may be published
// again; one that never will be is a client's error (400), which no SDK repeats.
func (t *topic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	if err := r.ParseForm(); err != nil {
		answerError(w, http.StatusBadRequest, "InvalidParameter", err.Error())
		return
	}
	if action := r.PostForm.Get("Action"); action != "Publish" {
		answerError(w, http.StatusBadRequest, "InvalidAction", fmt.Sprintf("this is a mailer, which knows Publish and not %q", action))
		return
	}
	text, err := mailText(r.PostForm.Get("Message"), r.PostForm.Get("MessageStructure"))
	if err != nil {
		answerError(w, http.StatusBadRequest, "InvalidParameter", err.Error())
		return
	}
	subject := r.PostForm.Get("Subject")
	err = t.send(r.Context(), subject, text)
	refused, permanently := permanent(err)
	if refused != nil {
		t.sayNotTaken(context.WithoutCancel(r.Context()), refused.Code, permanently) // who publishes it may have stopped waiting
	}
	if err != nil {
		slog.Error("not sent", "subject", subject, "error", err)
		if permanently {
			answerError(w, http.StatusBadRequest, "InvalidParameter", "the mail server refuses it: "+err.Error())
		} else {
			answerError(w, http.StatusServiceUnavailable, "ServiceUnavailable", "the mail was not sent: "+err.Error())
		}
		return
	}
	slog.Info("sent", "subject", subject)
	answer(w, http.StatusOK, published{ID: rand.Text()})
}

// Whoever takes a lock writes its fields, and may write what a filter refuses, or puts off each time that it comes. A mail says so, at most one
// in this time. The server's words may quote that, and have this mail refused as well. Whoever publishes the message publishes it without what
// others wrote, or by prefixes.
const (
	sayEvery       = time.Hour
	refusedSubject = "[Lockwarden] The mail server refuses a message"
	putOffSubject  = "[Lockwarden] The mail server puts a message off"
	notTakenText   = "A message of Lockwarden is not taken by the mail server (%d; the log of the mailer has its words), maybe for what is in a field of a lock or in a path. " +
		"It is sent again with each scan.\n\nAll locks are in the answer of: invoke monitor\n"
)

func (t *topic) sayNotTaken(ctx context.Context, code int, permanently bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	subject := putOffSubject
	if permanently {
		subject = refusedSubject
	}
	if time.Since(t.said[subject]) < sayEvery {
		return
	}
	if err := t.send(ctx, subject, fmt.Sprintf(notTakenText, code)); err != nil { // it takes none
		return
	}
	if t.said == nil {
		t.said = map[string]time.Time{}
	}
	t.said[subject] = time.Now()
	slog.Error("not taken, so a mail was sent that says so", "code", code)
}

// mailText is what a subscriber by email gets of a message.
func mailText(message, structure string) (string, error) {
	if structure != "json" {
		return message, nil
	}
	var texts map[string]string
	if err := json.Unmarshal([]byte(message), &texts); err != nil {
		return "", fmt.Errorf("the message is not an object of texts, as MessageStructure=json says: %w", err)
	}
	if text, ok := texts["email"]; ok {
		return text, nil
	}
	if text, ok := texts["default"]; ok {
		return text, nil
	}
	return "", errors.New("the message has no text for email and no default")
}

// permanent returns the answer of a mail server that refused, and whether it did so permanently.
func permanent(err error) (refused *textproto.Error, permanently bool) {
	refused, answered := errors.AsType[*textproto.Error](err)
	return refused, answered && refused.Code >= 500
}

type published struct {
	XMLName xml.Name `xml:"http://sns.amazonaws.com/doc/2010-03-31/ PublishResponse"`
	ID      string   `xml:"PublishResult>MessageId"`
}

type failed struct {
	XMLName xml.Name `xml:"http://sns.amazonaws.com/doc/2010-03-31/ ErrorResponse"`
	Code    string   `xml:"Error>Code"`
	Message string   `xml:"Error>Message"`
}

func answerError(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, failed{Code: code, Message: message})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_ = xml.NewEncoder(w).Encode(body) // whoever hung up asks again
}
