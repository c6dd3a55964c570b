package main

import (
	"errors"
	"net/textproto"
	"testing"
	"time"
)

// Where the server takes no mail at all, whoever publishes knows it and does so again: nothing comes twice.
func TestAServerThatTakesNothingLeavesNothingInTheOutbox(t *testing.T) {
	t.Parallel()
	down := errors.New("connection refused")
	s := &server{minds: func(string) (time.Duration, error) { return 0, down }}
	opened(t, t.TempDir(), s, func(t *testing.T, o *outbox) {
		if err := o.add(t.Context(), text("first")); !errors.Is(err, down) {
			t.Errorf("got %v", err)
		}
		s.turn(func(string) (time.Duration, error) { return time.Minute, down }) // when nobody waits any more
		if err := o.add(t.Context(), text("second")); !errors.Is(err, down) {
			t.Errorf("got %v", err)
		}
		time.Sleep(10 * time.Minute)
		s.turn(slow(0))
		time.Sleep(10 * time.Minute)
		if len(s.came()) != 0 {
			t.Errorf("%q", s.came())
		}
	})
}

// The first message after an outage has a text that the server refuses: it is set aside, and not published again and again.
func TestATextThatIsRefusedAfterAnOutageIsSetAside(t *testing.T) {
	t.Parallel()
	s := &server{minds: func(string) (time.Duration, error) { return 0, errors.New("connection refused") }}
	opened(t, t.TempDir(), s, func(t *testing.T, o *outbox) {
		if err := o.add(t.Context(), text("blocked.example")); err == nil {
			t.Error("a server that is away took it")
		}
		s.turn(disliking("blocked.example", 554, 0))
		if err := o.add(t.Context(), text("blocked.example")); err != nil {
			t.Errorf("it has to be published again: %v", err)
		}
		time.Sleep(time.Hour)
		if len(s.came()) != 1 || !s.has(refusedSubject) {
			t.Errorf("%q", s.came())
		}
	})
}

// Many servers take some seconds before they say no, one behind a firewall says nothing, and some refuse each text: whoever publishes has to know that
// nobody gets any mail.
func TestAServerThatTakesNothingIsAnErrorHoweverItSaysSo(t *testing.T) {
	t.Parallel()
	for name, minds := range map[string]mind{
		"a wrong password": func(string) (time.Duration, error) {
			return patience + time.Second, &textproto.Error{Code: 535, Msg: "no"}
		},
		"a firewall": func(string) (time.Duration, error) { return deliveryTime, errors.New("i/o timeout") },
		"a sender who may not send": func(string) (time.Duration, error) {
			return 0, &textError{550, &textproto.Error{Code: 550, Msg: "5.7.60 Client does not have permissions to send as this sender"}}
		},
		"a filter that is down": func(string) (time.Duration, error) {
			return patience + time.Second, &textError{451, errors.New("later")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{minds: minds}
			opened(t, t.TempDir(), s, func(t *testing.T, o *outbox) {
				if failed, all := everyScan(t, o); failed < all-6 {
					t.Errorf("%d of %d failed, %d mails came", failed, all, len(s.came()))
				}
				s.turn(slow(patience + time.Second))
				time.Sleep(30 * time.Minute)
				before := len(s.came())
				if failed, all := everyScan(t, o); failed > 1 || before > 12 || len(s.came()) > before+all+1 {
					t.Errorf("then %d mails came, and %d of %d failed, of which %d came", before, failed, all, len(s.came())-before)
				}
			})
		})
	}
}

// everyScan publishes a message every five minutes, and counts how often that fails.
func everyScan(t *testing.T, o *outbox) (failed, all int) {
	t.Helper()
	for range 60 {
		if o.add(t.Context(), text("production")) != nil {
			failed++
		}
		all++
		time.Sleep(5 * time.Minute)
	}
	return failed, all
}

// After an outage of days a server may put off what it does not know yet.
func TestNothingIsGivenUpForTheTimeOfAnOutage(t *testing.T) {
	t.Parallel()
	s := &server{minds: func(string) (time.Duration, error) { return deliveryTime, errors.New("i/o timeout") }}
	opened(t, t.TempDir(), s, func(t *testing.T, o *outbox) {
		if err := o.add(t.Context(), text("production")); err != nil {
			t.Error(err)
		}
		time.Sleep(60 * time.Hour)
		s.turn(disliking("production", 451, 0))
		time.Sleep(10 * time.Minute)
		s.turn(slow(0))
		time.Sleep(time.Hour)
		if !s.has(": production") {
			t.Errorf("%q", s.came())
		}
	})
}

// A server that refused each text for a weekend takes mail again, but not the text that is published then: people learn of it.
func TestATextThatIsRefusedAfterDaysOfRefusalsIsSetAside(t *testing.T) {
	t.Parallel()
	s := &server{minds: func(string) (time.Duration, error) {
		return 0, &textError{550, &textproto.Error{Code: 550, Msg: "5.7.60 Client does not have permissions to send as this sender"}}
	}}
	opened(t, t.TempDir(), s, func(t *testing.T, o *outbox) {
		for range 12 {
			_, _ = everyScan(t, o)
		}
		s.turn(disliking("production", 554, 0))
		time.Sleep(maxPause)
		if failed, all := everyScan(t, o); failed > 0 || !s.has(refusedSubject) {
			t.Errorf("%d of %d failed, %d mails came", failed, all, len(s.came()))
		}
	})
}
