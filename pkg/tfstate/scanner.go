package tfstate

import (
	"fmt"
	"io"
)

const (
	// bufferSize is the memory that a state of any size takes.
	bufferSize = 32 << 10
	// maxDepth bounds the nesting, and with it the stack. Types of attributes
	// nest by tens at the very most.
	maxDepth = 1000
	// maxKey bounds the part of a key that is kept. Longer ones are reported as
	// not whole; no key of interest is nearly so long.
	maxKey = 256
	// maxIdleReads is how often a reader may give neither bytes nor an error.
	maxIdleReads = 100
)

// eof stands in for a byte where the input ends.
const eof = -1

// syntaxError says where the input stops being JSON. It never quotes the input,
// which holds secrets.
type syntaxError struct {
	what string
	at   int64
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("it is not valid JSON: %s at byte %d", e.what, e.at)
}

// scanner reads JSON (RFC 8259) strictly, in one pass and constant memory.
type scanner struct {
	r        io.Reader
	buf      []byte
	pos, end int   // the unread bytes are buf[pos:end]
	base     int64 // offset of buf[0] in the input
	err      error // what r has failed with; io.EOF is an ordinary end
	depth    int
	token    []byte // the last text or number, as far as it was kept
}

func newScanner(r io.Reader) *scanner {
	return &scanner{r: r, buf: make([]byte, bufferSize), token: make([]byte, 0, maxKey)}
}

// offset is how many bytes have been consumed.
func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

func (s *scanner) bad(what string) error { return &syntaxError{what: what, at: s.offset()} }

// fill adds at least one byte to the unread ones, or gives the error of r,
// io.EOF at the end.
func (s *scanner) fill() error {
	s.base += int64(s.pos)
	s.end = copy(s.buf, s.buf[s.pos:s.end])
	s.pos = 0
	for idle := 0; s.err == nil; idle++ {
		if idle == maxIdleReads {
			s.err = io.ErrNoProgress
			break
		}
		var n int
		n, s.err = s.r.Read(s.buf[s.end:])
		s.end += n
		if n > 0 {
			return nil
		}
	}
	return s.err
}

// drain reads the rest of the input.
func (s *scanner) drain() error {
	if s.err == nil {
		_, s.err = io.Copy(io.Discard, s.r)
	}
	if s.err == io.EOF { //nolint:errorlint // as in peek
		return nil
	}
	return s.err
}

// peek returns the next byte without consuming it, or eof.
func (s *scanner) peek() (int, error) {
	if s.pos == s.end {
		if err := s.fill(); err != nil {
			// Only the bare io.EOF is an end. A wrapped one is a failure.
			if err == io.EOF { //nolint:errorlint // see above
				return eof, nil
			}
			return eof, err
		}
	}
	return int(s.buf[s.pos]), nil
}

// next skips white space and gives the byte behind it without consuming it.
func (s *scanner) next() (int, error) {
	for {
		for s.pos < s.end {
			switch c := s.buf[s.pos]; c {
			case ' ', '\n', '\r', '\t':
				s.pos++
			default:
				return int(c), nil
			}
		}
		if c, err := s.peek(); c == eof || err != nil {
			return c, err
		}
	}
}

// finish checks that nothing but white space is left.
func (s *scanner) finish() error {
	c, err := s.next()
	if err == nil && c != eof {
		return s.bad("something follows the end")
	}
	return err
}

// skip consumes a value of any kind.
func (s *scanner) skip() error {
	c, err := s.next()
	if err != nil {
		return err
	}
	switch {
	case c == '{':
		return s.members(nil)
	case c == '[':
		return s.elements(nil)
	case c == '"':
		_, _, err = s.text(0)
		return err
	case c == '-' || isDigit(c):
		_, _, err = s.number(0)
		return err
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	case c == eof:
		return s.bad("it is cut off")
	default:
		return s.bad("a value is missing")
	}
}

// members consumes an object, which must come next. It calls visit behind each
// key, to consume the value; the key is valid until then, and not whole if it is
// longer than maxKey. Without a visit the values are skipped.
func (s *scanner) members(visit func(key []byte, whole bool) error) error {
	return s.list('}', func() error {
		c, err := s.next()
		if err != nil {
			return err
		}
		if c != '"' {
			return s.bad("a key is missing")
		}
		limit := maxKey
		if visit == nil {
			limit = 0
		}
		key, whole, err := s.text(limit)
		if err != nil {
			return err
		}
		if c, err = s.next(); err != nil {
			return err
		}
		if c != ':' {
			return s.bad("a colon is missing")
		}
		s.pos++
		if visit == nil {
			return s.skip()
		}
		return visit(key, whole)
	})
}

// elements consumes an array, which must come next. It calls visit before each
// element with its first byte, to consume it; without a visit they are skipped.
func (s *scanner) elements(visit func(first int) error) error {
	return s.list(']', func() error {
		if visit == nil {
			return s.skip()
		}
		c, err := s.next()
		if err != nil {
			return err
		}
		return visit(c)
	})
}

// list consumes an object or array: its opening, the items with commas between
// them, and its closing.
func (s *scanner) list(closing int, item func() error) error {
	if s.depth == maxDepth {
		return s.bad("it is nested too deeply")
	}
	s.depth++
	s.pos++
	c, err := s.next()
	if err != nil {
		return err
	}
	for c != closing {
		if err := item(); err != nil {
			return err
		}
		if c, err = s.next(); err != nil {
			return err
		}
		if c != ',' {
			break
		}
		s.pos++
	}
	if c != closing {
		return s.bad("a comma or an end is missing")
	}
	s.depth--
	s.pos++
	return nil
}

// literal consumes one of the three words of JSON.
func (s *scanner) literal(word string) error {
	for i := range len(word) {
		c, err := s.peek()
		if err != nil {
			return err
		}
		if c != int(word[i]) {
			return s.bad("a value is missing")
		}
		s.pos++
	}
	return nil
}

func isDigit(c int) bool { return '0' <= c && c <= '9' }
