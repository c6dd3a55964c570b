package onpremises

import (
	"bufio"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"time"
)

// Mailbox is an SMTP server for tests: it takes every mail and keeps it.
type Mailbox struct {
	Address string
	// Answer gives what the server answers to a command in place of what it would, such as
	// "450 try later"; empty: what it would. The command is as the client sent it, or "." after
	// a mail. Set it before the first connection.
	Answer func(command string) string
	// Judge gives what the server answers to a mail that it has read, as a filter does; empty: it takes the mail.
	Judge func(Mail) string

	listener net.Listener
	mu       sync.Mutex
	mails    []Mail
}

// Mail is one that was taken.
type Mail struct {
	From, Subject, Text string
	To                  []string // as the client named them to the server
	Header              mail.Header
}

// StartMailbox listens on a free port of this machine, until Stop.
func StartMailbox() (*Mailbox, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &Mailbox{Address: listener.Addr().String(), Answer: func(string) string { return "" }, listener: listener}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go m.talk(connection)
		}
	}()
	return m, nil
}

// Stop ends the server.
func (m *Mailbox) Stop() { _ = m.listener.Close() }

// Mails are those that came.
func (m *Mailbox) Mails() []Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Mail(nil), m.mails...)
}

// talk is one connection.
func (m *Mailbox) talk(connection net.Conn) {
	defer connection.Close() //nolint:errcheck // the client closes it too
	_ = connection.SetDeadline(time.Now().Add(time.Minute))
	lines := bufio.NewReader(connection)
	say := func(text string) { fmt.Fprintf(connection, "%s\r\n", text) }
	say("220 mailbox")
	var now Mail
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		word, _, _ := strings.Cut(strings.ToUpper(line), " ")
		answer := m.Answer(line)
		switch {
		case answer != "":
		case word == "MAIL":
			now, answer = Mail{From: between(line)}, "250 ok"
		case word == "RCPT":
			now.To, answer = append(now.To, between(line)), "250 ok"
		case word == "DATA":
			say("354 go ahead")
			answer = m.take(lines, now)
		case word == "QUIT":
			say("221 bye")
			return
		default:
			answer = "250 ok"
		}
		say(answer)
	}
}

func between(line string) string {
	_, rest, _ := strings.Cut(line, "<")
	address, _, _ := strings.Cut(rest, ">")
	return address
}

// take reads a mail to the dot, and keeps it.
func (m *Mailbox) take(lines *bufio.Reader, now Mail) (answer string) {
	var raw strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return "451 " + err.Error()
		}
		if line == ".\r\n" {
			break
		}
		raw.WriteString(strings.TrimPrefix(line, "."))
	}
	if answer := m.Answer("."); answer != "" {
		return answer
	}
	parsed, err := mail.ReadMessage(strings.NewReader(raw.String()))
	if err != nil {
		return "554 " + err.Error()
	}
	text, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	if err != nil {
		return "554 " + err.Error()
	}
	now.Header, now.Text = parsed.Header, strings.ReplaceAll(string(text), "\r\n", "\n")
	if now.Subject, err = new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject")); err != nil {
		return "554 " + err.Error()
	}
	if m.Judge != nil {
		if answer := m.Judge(now); answer != "" {
			return answer
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, now)
	return "250 taken"
}
