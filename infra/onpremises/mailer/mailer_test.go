package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/infra/onpremises"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// event is an alert with what mail finds hard: Unicode, lines that begin with a dot, long lines.
func event(who string) alert.Event {
	now := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	return alert.Composer{Account: "123456789012", Region: "eu-central-1"}.Lock(alert.LockStuck, policy.Description{
		ID: "78007e4f-0000-4000-8000-000000000000", Path: "acme-states/" + strings.Repeat("long/", 60) + "Ü=日本/terraform.tfstate", Operation: "OperationTypeApply", Who: who,
		HeldSince: now.Add(-2 * time.Hour), HeldSeconds: 7200, ThresholdSeconds: 1800, Verdict: policy.Stuck,
		Evidence: policy.Evidence{Liveness: policy.LikelyOrphan, Reasons: []string{"..a line\n.\nof dots"}},
	}, 0, now)
}

// start returns a topic whose messages a mailer sends to these people, by a server that answers so.
func start(t *testing.T, answer func(command string) string, to ...string) (*alert.Topic, *onpremises.Mailbox) {
	t.Helper()
	box, err := onpremises.StartMailbox()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(box.Stop)
	if answer != nil {
		box.Answer = answer
	}
	return topicOf(t, settings{From: "Lockwarden <lockwarden@example.com>", To: to, Server: box.Address}), box
}

func topicOf(t *testing.T, s settings) *alert.Topic {
	t.Helper()
	sender, err := s.sender()
	if err != nil {
		t.Fatal(err)
	}
	outbox, err := openOutbox(t.TempDir(), sender.Send)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { defer close(stopped); outbox.run(ctx) }()
	t.Cleanup(func() { stop(); <-stopped })
	server := httptest.NewServer(topic{outbox.add})
	t.Cleanup(server.Close)
	return alert.NewTopic(sns.NewFromConfig(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("x", "x", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}), "arn:aws:sns:eu-central-1:123456789012:lockwarden")
}

func TestAnAlertArrivesAsMailJustAsSNSWouldSendIt(t *testing.T) {
	t.Parallel()
	topic, box := start(t, nil, "Ana Ü <ana@example.com>", "oncall@example.com")
	e := event("ana@laptop")
	want, err := alert.Render(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := topic.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	mails := box.Mails()
	if len(mails) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	m := mails[0]
	if m.Subject != want.Subject || m.Text != want.Texts["email"] {
		t.Errorf("subject %q, text %q; want %q, %q", m.Subject, m.Text, want.Subject, want.Texts["email"])
	}
	if m.From != "lockwarden@example.com" || !slices.Equal(m.To, []string{"ana@example.com", "oncall@example.com"}) {
		t.Errorf("from %q to %q", m.From, m.To)
	}
	if at, err := m.Header.Date(); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("dated %v, %v", at, err)
	}
	if m.Header.Get("Message-Id") == "" || m.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("headers %v", m.Header)
	}
}

// Whoever publishes keeps what was not sent, and must know whether another try can help.
func TestAServerThatTakesNoMailIsAnError(t *testing.T) {
	t.Parallel()
	at := func(command, answer string) func(string) string {
		return func(got string) string {
			if strings.HasPrefix(got, command) {
				return answer
			}
			return ""
		}
	}
	for name, tc := range map[string]struct {
		answer func(string) string
		code   string // of the error; empty: it is sent
	}{
		"the server is busy":             {at("MAIL", "451 try later"), "ServiceUnavailable"},
		"it knows no recipient":          {at("RCPT", "550 no such user"), "InvalidParameter"},
		"it knows one of two recipients": {at("RCPT TO:<gone@", "550 no such user"), ""},
		"one is full and the other unknown": {func(got string) string {
			return at("RCPT TO:<gone@", "550 unknown")(got) + at("RCPT TO:<ana@", "452 full")(got)
		}, "ServiceUnavailable"},
		"it wants no text": {at("DATA", "421 shutting down"), "ServiceUnavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topic, box := start(t, tc.answer, "gone@example.com", "ana@example.com")
			err := topic.Publish(t.Context(), event("ana@laptop"))
			api, _ := errors.AsType[smithy.APIError](err)
			switch {
			case tc.code == "" && (err != nil || len(box.Mails()) != 1 || !slices.Equal(box.Mails()[0].To, []string{"ana@example.com"})):
				t.Errorf("%v, mails %+v", err, box.Mails())
			case tc.code != "" && (api == nil || api.ErrorCode() != tc.code || len(box.Mails()) != 0):
				t.Errorf("%v, and not %s; mails %+v", err, tc.code, box.Mails())
			}
		})
	}
	t.Run("there is no server", func(t *testing.T) {
		t.Parallel()
		err := topicOf(t, settings{From: "a@example.com", To: []string{"b@example.com"}, Server: "127.0.0.1:1"}).Publish(t.Context(), event("ana@laptop"))
		if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "ServiceUnavailable" {
			t.Errorf("%v", err)
		}
	})
}

// Exchange waits five seconds before it refuses a recipient.
func TestARefusalThatComesLateIsAnErrorFromTheNextMessageOn(t *testing.T) {
	t.Parallel()
	topic, box := start(t, func(command string) string {
		if strings.HasPrefix(command, "RCPT") {
			time.Sleep(patience + patience/4)
			return "550 5.1.10 RESOLVER.ADR.RecipientNotFound"
		}
		return ""
	}, "ana@example.com")
	first, second := topic.Publish(t.Context(), event("ana@laptop")), topic.Publish(t.Context(), event("ben@laptop"))
	if api, ok := errors.AsType[smithy.APIError](second); first != nil || !ok || api.ErrorCode() != "InvalidParameter" || len(box.Mails()) != 0 {
		t.Errorf("%v, then %v; mails %+v", first, second, box.Mails())
	}
}

// A filter may refuse what somebody wrote into a lock, and others share the message: people learn which teams' locks it is about, and the message is there
// to be read.
func TestPeopleLearnOfAMessageThatIsRefused(t *testing.T) {
	t.Parallel()
	topic, box := start(t, nil, "ana@example.com")
	box.Judge = func(m onpremises.Mail) string {
		if strings.Contains(m.Text, "blocked.example") {
			return "554 5.7.1 message with a blacklisted address: blocked.example"
		}
		return ""
	}
	if err := topic.Publish(t.Context(), event("blocked.example")); err != nil {
		t.Error(err)
	}
	for ended := time.Now().Add(10 * time.Second); len(box.Mails()) == 0 && time.Now().Before(ended); {
		time.Sleep(10 * time.Millisecond)
	}
	mails := box.Mails()
	if len(mails) != 1 || mails[0].Subject != refusedSubject || !strings.Contains(mails[0].Text, "(lock.stuck, published at ") || !strings.Contains(mails[0].Text, "(554;") ||
		!strings.Contains(mails[0].Text, "states under acme-states/long.") {
		t.Fatalf("%+v", mails)
	}
	_, after, _ := strings.Cut(mails[0].Text, "It is in the folder ")
	folder, _, _ := strings.Cut(after, ".\n")
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q in %q, %v", files, folder, err)
	}
	if kept, err := os.ReadFile(files[0]); err != nil || !strings.Contains(string(kept), "blocked.example") {
		t.Errorf("%s, %v", kept, err)
	}
}

// Everything in a lock is hostile until shown otherwise.
func TestNothingInAMessageBecomesAHeaderOrARecipient(t *testing.T) {
	t.Parallel()
	box, err := onpremises.StartMailbox()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(box.Stop)
	s, err := settings{From: "a@example.com", To: []string{"b@example.com"}, Server: box.Address}.sender()
	if err != nil {
		t.Fatal(err)
	}
	subject, text := "stuck\r\nBcc: eve@example.com\r\n\r\nhello \x00", "text\r\n.\r\nRCPT TO:<eve@example.com>\n.\nQUIT"
	if err := s.Send(t.Context(), subject, text); err != nil {
		t.Fatal(err)
	}
	mails := box.Mails()
	if len(mails) != 1 || mails[0].Header.Get("Bcc") != "" || !slices.Equal(mails[0].To, []string{"b@example.com"}) || !strings.Contains(mails[0].Text, "QUIT") {
		t.Errorf("%+v", mails)
	}
}

func TestWhatIsNotPublishIsRefused(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]string{
		"another action":             "Action=CreateTopic&Name=x",
		"a message that is not JSON": "Action=Publish&MessageStructure=json&Message=x",
		"a message without a text":   "Action=Publish&MessageStructure=json&Message=%7B%7D",
		"no form":                    "%zz",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequest("POST", "/", strings.NewReader(form))
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			handler := topic{func(_ context.Context, m message) error { t.Errorf("sent %+v", m); return nil }}
			handler.ServeHTTP(w, request)
			if w.Code != 400 || !strings.Contains(w.Body.String(), "<Error><Code>") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestSettingsThatAreWrongSaySo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		s    settings
		says string
	}{
		"a server without a port":   {settings{From: "a@example.com", To: []string{"b@example.com"}, Server: "mail"}, `SMTP_SERVER="mail" is not host:port`},
		"a sender that is none":     {settings{From: "lockwarden", To: []string{"b@example.com"}, Server: "mail:25"}, `MAIL_FROM="lockwarden"`},
		"a recipient that is none":  {settings{From: "a@example.com", To: []string{"b@example.com", "x"}, Server: "mail:25"}, `MAIL_TO="b@example.com,x"`},
		"a recipient with a header": {settings{From: "a@example.com", To: []string{"b@example.com\r\nBcc: c@example.com"}, Server: "mail:25"}, "MAIL_TO="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := tc.s.sender(); err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOnlyThisMachineCanSend(t *testing.T) {
	t.Parallel()
	for address, fine := range map[string]bool{"127.0.0.1:0": true, ":0": false, "0.0.0.0:0": false} {
		l, err := listen(address)
		if (err == nil) != fine {
			t.Errorf("%s: %v", address, err)
		}
		if err == nil {
			_ = l.Close()
		}
	}
}
