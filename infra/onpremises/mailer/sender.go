package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"
)

// deliveryTime bounds the delivery of one mail to the server: many keep those waiting whom they do not know.
const deliveryTime = 3 * time.Minute

// quitTime bounds the good-bye after it.
const quitTime = 5 * time.Second

type settings struct {
	Listen   string   `env:"LISTEN" envDefault:"127.0.0.1:8025"`
	From     string   `env:"MAIL_FROM,notEmpty"`
	To       []string `env:"MAIL_TO,notEmpty"`
	Server   string   `env:"SMTP_SERVER,notEmpty"` // host:port
	User     string   `env:"SMTP_USER"`
	Password string   `env:"SMTP_PASSWORD"`
	Outbox   string   `env:"OUTBOX,notEmpty"` // folder of what the server did not take yet
}

// sender sends mail through one server to the same people.
type sender struct {
	server string
	host   string
	auth   smtp.Auth // nil: the server wants none
	from   *mail.Address
	to     []*mail.Address
	now    func() time.Time
}

// sender fails where an address is none, and says which.
func (s settings) sender() (sender, error) {
	host, _, err := net.SplitHostPort(s.Server)
	if err != nil {
		return sender{}, fmt.Errorf("SMTP_SERVER=%q is not host:port: %w", s.Server, err)
	}
	from, err := mail.ParseAddress(s.From)
	if err != nil {
		return sender{}, fmt.Errorf("MAIL_FROM=%q: %w", s.From, err)
	}
	to, err := mail.ParseAddressList(strings.Join(s.To, ","))
	if err != nil {
		return sender{}, fmt.Errorf("MAIL_TO=%q: %w", strings.Join(s.To, ","), err)
	}
	one := sender{server: s.Server, host: host, from: from, to: to, now: time.Now}
	if s.User != "" { // in the clear to this machine alone: package smtp refuses elsewhere
		one.auth = smtp.PlainAuth("", s.User, s.Password, host)
	}
	return one, nil
}

// Send gives one mail to the server. It fails unless the server has taken it for somebody; whom
// it is refused for while others get it is in the log. It fails with *[textError] where the server did not
// take the text.
func (s sender) Send(ctx context.Context, subject, text string) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTime)
	defer cancel()
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.server)
	if err != nil {
		return err
	}
	defer connection.Close() //nolint:errcheck // what counts was answered
	defer context.AfterFunc(ctx, func() { _ = connection.SetDeadline(time.Now()) })()
	deadline, _ := ctx.Deadline()
	if err := connection.SetDeadline(deadline); err != nil {
		return err
	}
	client, err := smtp.NewClient(connection, s.host)
	if err != nil {
		return err
	}
	if err := s.begin(client); err != nil {
		return err
	}
	body, err := client.Data()
	if err != nil {
		return err
	}
	_, err = body.Write(s.message(subject, text))
	if err = errors.Join(err, body.Close()); err != nil { // without the server's word that it has the mail
		return newTextError(err)
	}
	_ = connection.SetDeadline(time.Now().Add(quitTime))
	_ = client.Quit() // the mail is taken, however this ends
	return nil
}

// textError says that the server did not take the text of a mail: it refused it, put it off, hung up or did not answer. What is in
// the text may be why.
type textError struct {
	code int // of its answer
	err  error
}

func newTextError(err error) *textError {
	if answered, ok := errors.AsType[*textproto.Error](err); ok {
		return &textError{answered.Code, err}
	}
	return &textError{451, err}
}

func (e *textError) Error() string { return "the mail server does not take the text: " + e.err.Error() }

func (e *textError) Unwrap() error { return e.err }

func (e *textError) permanent() bool { return isPermanent(e.code) }

func isPermanent(code int) bool { return code >= 500 }

// begin names the sender and the recipients, over TLS where the server has it.
func (s sender) begin(client *smtp.Client) error {
	if ok, _ := client.Extension("STARTTLS"); ok {
		if err := client.StartTLS(&tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}); err != nil {
			return err
		}
	}
	if s.auth != nil {
		if err := client.Auth(s.auth); err != nil {
			return err
		}
	}
	if err := client.Mail(s.from.Address); err != nil {
		return err
	}
	var refusals []error
	for _, to := range s.to {
		if err := client.Rcpt(to.Address); err != nil {
			slog.Error("a recipient is refused", "to", to.Address, "error", err)
			refusals = append(refusals, err)
		}
	}
	if len(refusals) == len(s.to) {
		return worst(refusals)
	}
	return nil
}

// worst is a refusal that may pass, where there is one: then the mail is worth another try.
func worst(refusals []error) error {
	for _, err := range refusals {
		if answered, ok := errors.AsType[*textproto.Error](err); !ok || !isPermanent(answered.Code) {
			return err
		}
	}
	return refusals[0]
}

// message is the mail with its headers. Nothing in a subject or a text can become a header.
func (s sender) message(subject, text string) []byte {
	var to []string
	for _, address := range s.to {
		to = append(to, address.String())
	}
	var m bytes.Buffer
	for _, header := range [][2]string{
		{"From", s.from.String()},
		{"To", strings.Join(to, ", ")},
		{"Subject", mime.QEncoding.Encode("utf-8", strings.Join(strings.Fields(subject), " "))},
		{"Date", s.now().Format(time.RFC1123Z)},
		{"Message-ID", "<" + rand.Text() + "@lockwarden>"},
		{"Auto-Submitted", "auto-generated"}, // no holiday replies
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&m, "%s: %s\r\n", header[0], header[1])
	}
	m.WriteString("\r\n")
	quoted := quotedprintable.NewWriter(&m)
	_, _ = quoted.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n"))) // a buffer takes everything
	_ = quoted.Close()
	return m.Bytes()
}
