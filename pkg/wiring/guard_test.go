package wiring_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

// The commands of our alerts and runbooks print a function's answer with cat. Whoever takes a lock chooses its fields, and
// would have the terminal erase what is there, write something else, or put a command into the clipboard.
func TestNoAnswerCommandsATerminal(t *testing.T) {
	who := "ana\u009b2J\u009b1;1HReleased.\u009d52;c;cm0gLXJmIH4=\u009c\u202egnp"
	got, err := wiring.Guard(func(_ context.Context, event json.RawMessage) (any, error) {
		if string(event) == `{"fail":true}` {
			return nil, errors.New("the lock of " + who)
		}
		return policy.Description{Who: who}, nil
	}).Invoke(t.Context(), []byte(`{}`))
	var again policy.Description
	if err != nil || json.Unmarshal(got, &again) != nil || again.Who != who {
		t.Fatalf("%v: %s", err, got)
	}
	for i, c := range got[:len(got)-1] {
		if c < ' ' || c > '~' {
			t.Fatalf("%q at %d of %q", c, i, got)
		}
	}
	_, err = wiring.Guard(func(context.Context) (any, error) { return nil, errors.New("the lock of " + who) }).Invoke(t.Context(), []byte(`{}`))
	if want := "the lock of ana 2J 1;1HReleased. 52;c;cm0gLXJmIH4= ?gnp"; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	refused := errors.New("refused")
	if _, err = wiring.Guard(func(context.Context) (any, error) { return nil, refused }).Invoke(t.Context(), []byte(`{}`)); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
}
