package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"time"
)

// maxRequest bounds a request: SNS takes messages of 256 KiB, which a form makes up to three
// times as long.
const maxRequest = 1 << 20

// topic answers SNS's Publish.
type topic struct {
	add func(context.Context, message) error
}

// ServeHTTP answers as SNS does, in XML. Where the mail server takes no mail now (503) a message may be published
// again; where it never will, that is a client's error (400), which no SDK repeats.
func (t topic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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
	kind, paths := attributes(r.PostForm)
	err = t.add(r.Context(), message{Subject: r.PostForm.Get("Subject"), Text: text, Type: kind, Paths: paths, Published: time.Now()})
	answered, _ := errors.AsType[*textproto.Error](err)
	switch {
	case err == nil:
		answer(w, http.StatusOK, published{ID: rand.Text()})
	case answered != nil && isPermanent(answered.Code):
		answerError(w, http.StatusBadRequest, "InvalidParameter", "the mail server refuses every mail: "+err.Error())
	default:
		answerError(w, http.StatusServiceUnavailable, "ServiceUnavailable", "the mail was not sent: "+err.Error())
	}
}

// attributes are the type and the paths of an event, as far as its attributes have them.
func attributes(form url.Values) (kind string, paths []string) {
	for i := 1; ; i++ {
		entry := fmt.Sprintf("MessageAttributes.entry.%d.", i)
		value := form.Get(entry + "Value.StringValue")
		switch form.Get(entry + "Name") {
		case "":
			return kind, paths
		case "type":
			kind = value
		case "path":
			if json.Unmarshal([]byte(value), &paths) != nil { // a list only where there are several
				paths = []string{value}
			}
		}
	}
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
