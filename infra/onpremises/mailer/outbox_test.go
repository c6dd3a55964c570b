package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// server is a mail server with a mind of its own.
type server struct {
	mu    sync.Mutex
	minds mind
	mails []string // what it took
}

// mind is how long a server takes over a text, and why it does not take it.
type mind func(text string) (time.Duration, error)

// turn changes its mind.
func (s *server) turn(to mind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.minds = to
}

func (s *server) send(ctx context.Context, subject, text string) error {
	s.mu.Lock()
	takes, refusal := s.minds(text)
	s.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	if refusal != nil {
		return refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, subject+": "+text)
	return nil
}

// slow takes everything, after some time.
func slow(takes time.Duration) mind {
	return func(string) (time.Duration, error) { return takes, nil }
}

// disliking does not take what has these words: it says so, or stalls until nobody waits any more.
func disliking(words string, code int, takes time.Duration) mind {
	return func(text string) (time.Duration, error) {
		if strings.Contains(text, words) {
			return takes, &textError{code, errors.New("no " + words)}
		}
		return 0, nil
	}
}

// came is what it took so far.
func (s *server) came() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// has reports whether a mail came that has these words.
func (s *server) has(words string) bool {
	return slices.ContainsFunc(s.came(), func(mail string) bool { return strings.Contains(mail, words) })
}

// opened runs an outbox in a folder while the test's part runs.
func opened(t *testing.T, folder string, s *server, part func(*testing.T, *outbox)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o, err := openOutbox(folder, s.send)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		go o.run(ctx)
		part(t, o)
		stop()
		synctest.Wait()
	})
}

func text(of string) message {
	return message{Subject: "stuck", Text: of, Published: time.Now(), Type: "lock.stuck", Paths: []string{"states/dev/" + of, "states/prod/x"}}
}

// Many servers keep those waiting whom they do not know: who publishes does not wait for that, and each mail comes once.
func TestASlowServerGetsEachMailOnce(t *testing.T) {
	t.Parallel()
	s := &server{minds: slow(45 * time.Second)}
	opened(t, t.TempDir(), s, func(t *testing.T, o *outbox) {
		from := time.Now()
		for i := range 13 {
			if err := o.add(t.Context(), text(fmt.Sprint("mail ", i))); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(from); took > 13*patience {
			t.Errorf("whoever publishes waits %s", took)
		}
		time.Sleep(time.Hour)
		if len(s.came()) != 13 || !s.has("mail 12") {
			t.Errorf("%q", s.came())
		}
	})
}

// What a server never answers to keeps no other message back, however many there are of it.
func TestAMessageThatStallsKeepsNoOtherBack(t *testing.T) {
	t.Parallel()
	s := &server{minds: disliking("stalls", 451, deliveryTime)}
	opened(t, t.TempDir(), s, func(t *testing.T, o *outbox) {
		for scan := range 12 {
			for i := range 10 {
				if err := o.add(t.Context(), text(fmt.Sprintf("stalls %d %d", scan, i))); err != nil {
					t.Error(err)
				}
			}
			if err := o.add(t.Context(), text(fmt.Sprint("production ", scan))); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Minute)
			if want := fmt.Sprint("production ", scan-1); scan > 0 && !s.has(want) {
				t.Errorf("%s did not come in five minutes", want)
			}
		}
	})
}

// Of what is put off each time people learn, and it comes once the server takes it.
func TestPeopleLearnOfAMessageThatIsPutOff(t *testing.T) {
	t.Parallel()
	s := &server{minds: disliking("blocked.example", 451, 0)}
	opened(t, t.TempDir(), s, func(t *testing.T, o *outbox) {
		if err := o.add(t.Context(), text("by blocked.example")); err != nil {
			t.Error(err)
		}
		time.Sleep(30 * time.Minute)
		if len(s.came()) != 1 || !s.has(putOffSubject) || !s.has("sent again for two days") || !s.has("states/dev, states/prod, and maybe others") || s.has("blocked.example") {
			t.Errorf("%q", s.came())
		}
		s.turn(slow(0))
		time.Sleep(time.Hour)
		if len(s.came()) != 2 || !s.has("by blocked.example") {
			t.Errorf("then %q", s.came())
		}
	})
}

// A server that puts a message off for days takes it never: it is kept for people to read.
func TestAMessageThatIsPutOffForDaysIsGivenUp(t *testing.T) {
	t.Parallel()
	s, folder := &server{minds: disliking("blocked.example", 451, 0)}, t.TempDir()
	opened(t, folder, s, func(t *testing.T, o *outbox) {
		if err := o.add(t.Context(), text("by blocked.example")); err != nil {
			t.Error(err)
		}
		time.Sleep(72 * time.Hour)
		kept, err := filepath.Glob(filepath.Join(o.refused(), "*.json"))
		if waiting, _ := filepath.Glob(filepath.Join(folder, "*.json")); err != nil || len(kept) != 1 || len(waiting) != 0 {
			t.Errorf("%q wait, %q are kept, %v", waiting, kept, err)
		}
		if len(s.came()) != 1 {
			t.Errorf("%q", s.came())
		}
	})
}

// A prefix may have a name that the server does not take either.
func TestANoticeComesWithoutNamesWhereThoseAreNotTaken(t *testing.T) {
	t.Parallel()
	s := &server{minds: disliking("prod", 554, 0)}
	opened(t, t.TempDir(), s, func(t *testing.T, o *outbox) {
		if err := o.add(t.Context(), text("for production")); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if len(s.came()) != 1 || !s.has(refusedSubject) {
			t.Errorf("%q", s.came())
		}
	})
}

// A mailer may end at any time.
func TestTheNextMailerSendsWhatIsInTheOutbox(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	opened(t, folder, &server{minds: slow(time.Minute)}, func(t *testing.T, o *outbox) {
		if err := o.add(t.Context(), text("not yet")); err != nil {
			t.Error(err)
		}
	})
	unfinished := filepath.Join(folder, "1.new")
	if err := os.WriteFile(unfinished, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{minds: slow(0)}
	opened(t, folder, s, func(t *testing.T, _ *outbox) {
		time.Sleep(time.Minute)
		if _, err := os.Stat(unfinished); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a file that was never finished stays: %v", err)
		}
		if len(s.came()) != 1 || !s.has("not yet") {
			t.Errorf("%q", s.came())
		}
	})
	opened(t, folder, s, func(*testing.T, *outbox) { time.Sleep(time.Hour) })
	if len(s.came()) != 1 {
		t.Errorf("it comes again: %q", s.came())
	}
}

// However many messages are put off, there is room for the next; where the server takes nothing there is an end.
func TestAFullOutboxGivesUpWhatWasPutOff(t *testing.T) {
	t.Parallel()
	s := &server{minds: disliking("blocked.example", 451, 0)}
	opened(t, t.TempDir(), s, func(t *testing.T, o *outbox) {
		for i := range maxWaiting + 50 {
			if err := o.add(t.Context(), text(fmt.Sprint("blocked.example ", i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.add(t.Context(), text("production")); err != nil || !s.has("production") {
			t.Errorf("%v, %d mails", err, len(s.came()))
		}
		if kept, err := filepath.Glob(filepath.Join(o.refused(), "*.json")); err != nil || len(kept) == 0 || len(kept) > maxRefused {
			t.Errorf("%d are kept, %v", len(kept), err)
		}
	})
	s = &server{minds: slow(100 * time.Hour)}
	opened(t, t.TempDir(), s, func(t *testing.T, o *outbox) {
		for range maxWaiting {
			if err := o.add(t.Context(), text("x")); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.add(t.Context(), text("x")); err == nil || !strings.Contains(err.Error(), "1000 messages wait") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAnOutboxThatCannotBeUsedSaysSo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	odd := t.TempDir()
	for _, name := range []string{file, filepath.Join(odd, "x.json")} {
		if err := os.WriteFile(name, []byte("no message"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for folder, says := range map[string]string{file: "OUTBOX=" + file, odd: "x.json cannot be read as a message: move it"} {
		if _, err := openOutbox(folder, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", folder, err)
		}
	}
}
