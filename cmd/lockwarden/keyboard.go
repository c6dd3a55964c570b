package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// keyboard is what a person pastes and types at the terminal itself, since standard input may be a pipe. One
// goroutine reads it until the process ends. The zero value opens it when it is first needed.
type keyboard struct {
	tty    *os.File
	pieces chan []byte // as they come: empty for Ctrl-D on an empty line, closed when the terminal is gone
}

// quiet is how long nothing comes behind a key that a person presses. What is behind it in a paste comes at once, except
// where the line to the terminal stalls: within a paste whose ends the terminal shows, it has to be longer.
const (
	quiet   = 300 * time.Millisecond
	stalled = 5 * time.Second
)

// A terminal that is asked to shows where a paste begins and ends, and takes these signs out of it.
// https://invisible-island.net/xterm/xterm-paste64.html
const (
	showPastes, hidePastes = "\x1b[?2004h", "\x1b[?2004l"
	pasteBegins, pasteEnds = "\x1b[200~", "\x1b[201~"
)

const ctrlC, ctrlD = 0x03, 0x04

var errInterrupted = errors.New("interrupted: nothing was changed")

func (k *keyboard) open() error {
	if k.tty != nil {
		return nil
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return errors.New("there is no terminal to ask on: give --yes (and --reason, where the command has it), and a text from a pipe or a file")
	}
	k.tty, k.pieces = tty, make(chan []byte)
	go k.listen()
	return nil
}

func (k *keyboard) listen() {
	defer close(k.pieces)
	for {
		piece := make([]byte, 4096)
		n, err := k.tty.Read(piece)
		if err != nil && !errors.Is(err, io.EOF) {
			return
		}
		k.pieces <- piece[:n]
	}
}

// ask asks a question, and returns the line that is typed or pasted then. What came before is no answer: it may be the rest of a paste,
// whose beginning went to this program, or to one that it reads from (cat | lockwarden unlock). An answer that is pasted may be
// somebody else's text as well, such as a reason.
func (k *keyboard) ask(ctx context.Context, question string) (string, error) {
	if err := k.open(); err != nil {
		return "", err
	}
	var answer string
	err := k.raw(func() error {
		err := k.drop(quiet)
		if err == nil {
			answer, err = k.read(ctx, question, "\r\n")
		}
		return err
	})
	return line(answer), err
}

// drop forgets what comes, until nothing does for that long.
func (k *keyboard) drop(silence time.Duration) error {
	for {
		select {
		case _, open := <-k.pieces:
			if !open {
				return io.ErrUnexpectedEOF
			}
		case <-time.After(silence):
			return nil
		}
	}
}

// forget drops what comes behind a Ctrl-C that ends the program: while nothing is asked, it may be a character of a text that was pasted too
// early, and the shell would run the rest.
func (k *keyboard) forget() {
	if k.open() == nil {
		_ = k.raw(func() error { return k.drop(quiet) }) // it ends anyway
	}
}

// raw does something while every key is a character that is read at once, and none a signal.
func (k *keyboard) raw(do func() error) error {
	before, err := term.MakeRaw(int(k.tty.Fd()))
	if err != nil {
		return fmt.Errorf("nothing can be pasted or asked at this terminal (%w): give the text from a pipe or a file, with --yes", err)
	}
	defer term.Restore(int(k.tty.Fd()), before) //nolint:errcheck // there is nothing else to do
	return do()
}

// paste reads a text until Ctrl-D is pressed, which nothing follows. Whoever writes a field of a lock may have
// control characters in it: elsewhere they would end the text or the program, and what is behind them would answer
// questions or be commands of the shell.
func (k *keyboard) paste(ctx context.Context) (text string, err error) {
	if err := k.open(); err != nil {
		return "", err
	}
	err = k.raw(func() error {
		text, err = k.read(ctx, overSSH()+"Paste the client's error or the alert, then press Ctrl-D:\r\n", "")
		return err
	})
	lines := strings.NewReplacer("\r\n", "\n", "\r", "\n")
	return lines.Replace(strings.TrimRight(text, string(rune(ctrlD)))), err
}

// overSSH warns of the one thing that no program behind ssh sees: ssh itself ends at a line that begins with ~., and what is behind it
// in a paste goes to the shell that ssh was called from.
func overSSH() string {
	if os.Getenv("SSH_CONNECTION") == "" {
		return ""
	}
	return "You are here over ssh, which takes ~. at the beginning of a line for itself: unless you came with ssh -e none, give the text from a file.\r\n"
}

// read asks for a text, which ends with Ctrl-D or another of the keys that end it, and which nothing follows.
func (k *keyboard) read(ctx context.Context, prompt, ends string) (string, error) {
	fmt.Fprint(k.tty, showPastes+prompt)
	defer fmt.Fprint(k.tty, hidePastes)
	var text []byte
	silence := quiet
	for len(text) <= maxPaste {
		var ended <-chan time.Time
		if n := len(text); n > 0 && strings.IndexByte(ends+string([]byte{ctrlC, ctrlD}), text[n-1]) >= 0 {
			ended = time.After(silence)
		}
		select {
		case <-ctx.Done():
			return "", errInterrupted
		case piece, open := <-k.pieces:
			if !open {
				return "", io.ErrUnexpectedEOF
			}
			text, silence = pasted(k.typed(text, piece), len(piece), silence)
		case <-ended:
			if text[len(text)-1] == ctrlC {
				return "", errInterrupted
			}
			return string(text), nil
		}
	}
	return string(text), k.drop(silence)
}

// pasted takes the signs of a paste out of what came last, and returns how long nothing comes behind a key from there on.
func pasted(text []byte, came int, silence time.Duration) ([]byte, time.Duration) {
	last := max(0, len(text)-came-len(pasteBegins)) // a sign may come in two pieces
	begin, end := bytes.LastIndex(text[last:], []byte(pasteBegins)), bytes.LastIndex(text[last:], []byte(pasteEnds))
	switch {
	case begin > end:
		silence = stalled
	case end > begin:
		silence = quiet
	}
	return append(text[:last], withoutSigns(text[last:])...), silence
}

func withoutSigns(text []byte) []byte {
	return []byte(strings.NewReplacer(pasteBegins, "", pasteEnds, "").Replace(string(text)))
}

// typed adds a piece to a text, or takes from its last line what was erased, and shows it.
func (k *keyboard) typed(text, piece []byte) []byte {
	const backspaces, ctrlU, pressed = "\x7f\b", "\x15", 8 // of a key that is held down; more are of a paste
	if len(bytes.Trim(piece, backspaces+ctrlU)) == 0 && len(piece) <= pressed {
		line := text[bytes.LastIndexAny(text, "\r\n")+1:]
		erased := len(piece)
		if bytes.ContainsAny(piece, ctrlU) {
			erased = len(line)
		}
		for range erased {
			if _, size := utf8.DecodeLastRune(line); size > 0 {
				line, text = line[:len(line)-size], text[:len(text)-size]
				fmt.Fprint(k.tty, "\b \b")
			}
		}
		return text
	}
	shown := strings.Map(func(r rune) rune {
		if !strings.ContainsRune("\r\n\t", r) && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return -1
		}
		return r
	}, string(withoutSigns(piece)))
	fmt.Fprint(k.tty, strings.NewReplacer("\r", "\r\n", "\n", "\r\n").Replace(shown))
	return append(text, piece...)
}
