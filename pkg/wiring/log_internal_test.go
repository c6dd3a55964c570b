package wiring

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
)

func TestNoLineOfALogCommandsATerminal(t *testing.T) {
	const who = "ana\u009b2J\u009d52;c;cm0gLXJmIH4=\u009c\u202egnp"
	var b bytes.Buffer
	log := slog.New(legibleLog{slog.NewJSONHandler(&b, nil)}).With("path", "b/"+who)
	log.Info("lock kept", "who", who, "error", errors.New(who), "answer", struct{ Who string }{who}, "locks", 2)
	for i, c := range b.Bytes()[:b.Len()-1] {
		if c < ' ' || c > '~' {
			t.Fatalf("%q at %d of %q", c, i, b.String())
		}
	}
	var said struct {
		Path, Who, Error string
		Answer           struct{ Who string }
		Locks            int
	}
	if err := json.Unmarshal(b.Bytes(), &said); err != nil || said.Path != "b/"+who || said.Who != who || said.Error != who || said.Answer.Who != who || said.Locks != 2 {
		t.Errorf("%v: %s", err, b.String())
	}
}
