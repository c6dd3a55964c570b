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

	mu     sync.Mutex
	putOff time.Time // when a mail last said that the server puts messages off
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
	switch refused, permanently := permanent(err); {
	case permanently && t.send(r.Context(), refusedSubject, fmt.Sprintf(refusedText, refused.Code)) == nil:
		slog.Error("refused, so a mail was sent that says so", "subject", subject, "error", err)
		err = nil
	case refused != nil: // who publishes it may have stopped waiting, and publishes it again
		t.sayPutOff(context.WithoutCancel(r.Context()), refused.Code)
	}
	if err != nil {
		slog.Error("not sent", "subject", subject, "error", err)
		if _, refused := permanent(err); refused {
			answerError(w, http.StatusBadRequest, "InvalidParameter", "the mail server refuses it: "+err.Error())
		} else {
			answerError(w, http.StatusServiceUnavailable, "ServiceUnavailable", "the mail was not sent: "+err.Error())
		}
		return
	}
	slog.Info("sent", "subject", subject)
	answer(w, http.StatusOK, published{ID: rand.Text()})
}

// What is sent in place of a mail that the server refuses permanently. Whoever takes a lock writes its fields, and may write what a filter
// refuses, with all locks that share the message. The server's words may quote that, and have this mail refused as well.
const (
	refusedSubject = "[Lockwarden] The mail server refuses a message"
	refusedText    = "A message of Lockwarden was refused by the mail server (%d; the log of the mailer has its words), maybe for what is in a field of a lock or in a path.\n\n" +
		"It may be about locks of everybody. All locks are in the answer of: invoke monitor\n"
)

// A server may put a message off for what is in it as well, each time that it comes. A mail says so, at most one in this time.
const (
	putOffEvery   = time.Hour
	putOffSubject = "[Lockwarden] The mail server puts a message off"
	putOffText    = "A message of Lockwarden is put off by the mail server (%d; the log of the mailer has its words), maybe for what is in a field of a lock or in a path. " +
		"It is sent again with each scan.\n\nIt may be about locks of everybody. All locks are in the answer of: invoke monitor\n"
)

func (t *topic) sayPutOff(ctx context.Context, code int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.putOff) < putOffEvery {
		return
	}
	if err := t.send(ctx, putOffSubject, fmt.Sprintf(putOffText, code)); err != nil { // it takes none
		return
	}
	t.putOff = time.Now()
	slog.Error("put off, so a mail was sent that says so", "code", code)
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
