package tfstate

import (
	"io"
	"unicode/utf8"
)

// text consumes a string, which must come next, and returns it decoded.
// It keeps no more than limit bytes, and whole tells whether that is all. It is valid
// until the next token. Invalid UTF-8 is an error.
func (s *scanner) text(limit int) (value []byte, whole bool, err error) {
	s.token, whole = s.token[:0], true
	s.pos++
	for {
		c, err := s.peek()
		if err != nil {
			return nil, false, err
		}
		switch {
		case c == eof:
			return nil, false, s.bad("it is cut off")
		case c == '"':
			s.pos++
			return s.token, whole, nil
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return nil, false, err
			}
			var encoded [utf8.UTFMax]byte
			whole = s.keep(limit, whole, encoded[:utf8.EncodeRune(encoded[:], r)])
		case c < ' ':
			return nil, false, s.bad("a control character is not escaped")
		case c < utf8.RuneSelf:
			unread := s.buf[s.pos:s.end]
			n := plain(unread)
			whole = s.keep(limit, whole, unread[:n])
			s.pos += n
		default:
			n, err := s.wide()
			if err != nil {
				return nil, false, err
			}
			whole = s.keep(limit, whole, s.buf[s.pos:s.pos+n])
			s.pos += n
		}
	}
}

// plain counts the leading bytes that stand for themselves in a string.
func plain(b []byte) int {
	for i, c := range b {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return i
		}
	}
	return len(b)
}

// keep appends b to the token while it stays within limit, and tells whether the
// token is still whole.
func (s *scanner) keep(limit int, whole bool, b []byte) bool {
	if !whole || len(s.token)+len(b) > limit {
		return false
	}
	s.token = append(s.token, b...)
	return true
}

// wide returns the length of the character beyond ASCII that comes next. The
// buffer may hold only a part of it yet.
func (s *scanner) wide() (int, error) {
	for !utf8.FullRune(s.buf[s.pos:s.end]) {
		err := s.fill()
		if err == io.EOF { //nolint:errorlint // as in peek
			break
		}
		if err != nil {
			return 0, err
		}
	}
	r, n := utf8.DecodeRune(s.buf[s.pos:s.end])
	if r == utf8.RuneError && n == 1 {
		return 0, s.bad("a character is not valid UTF-8")
	}
	return n, nil
}

// escape consumes an escape and gives its character. The halves of a surrogate
// pair are not joined: no name or text that matters here has one.
func (s *scanner) escape() (rune, error) {
	s.pos++
	c, err := s.peek()
	if err != nil {
		return 0, err
	}
	var r rune
	switch c {
	case eof:
		return 0, s.bad("it is cut off")
	case '"', '\\', '/':
		r = rune(c)
	case 'b':
		r = '\b'
	case 'f':
		r = '\f'
	case 'n':
		r = '\n'
	case 'r':
		r = '\r'
	case 't':
		r = '\t'
	case 'u':
		return s.hex()
	default:
		return 0, s.bad("an escape is unknown")
	}
	s.pos++
	return r, nil
}

// hex consumes the u of an escape and the four digits behind it.
func (s *scanner) hex() (rune, error) {
	s.pos++
	var r rune
	for range 4 {
		c, err := s.peek()
		if err != nil {
			return 0, err
		}
		lower := c | 0x20
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0') //nolint:gosec // c is a hexadecimal digit here
		case 'a' <= lower && lower <= 'f':
			r = r<<4 | rune(lower-'a'+10)
		default:
			return 0, s.bad("an escape needs four hexadecimal digits")
		}
		s.pos++
	}
	return r, nil
}

// number consumes a number, of which the first character, a minus or a digit,
// must come next. What it gives is as with text, undecoded.
func (s *scanner) number(limit int) (literal []byte, whole bool, err error) {
	s.token = s.token[:0]
	n := literalNumber{scanner: s, limit: limit, whole: true}
	c, err := n.integer()
	if err == nil && c == '.' {
		n.take()
		c, err = n.digits()
	}
	if err == nil && (c == 'e' || c == 'E') {
		err = n.exponent()
	}
	if err != nil {
		return nil, false, err
	}
	return s.token, n.whole, nil
}

// literalNumber is a number that is being consumed. What consumes a part of it gives the
// byte that comes behind, which may be eof.
type literalNumber struct {
	*scanner
	limit int
	whole bool
}

// take consumes the next byte.
func (n *literalNumber) take() {
	n.whole = n.keep(n.limit, n.whole, n.buf[n.pos:n.pos+1])
	n.pos++
}

// digits consumes one digit or more.
func (n *literalNumber) digits() (int, error) {
	c, err := n.peek()
	if err == nil && !isDigit(c) {
		err = n.bad("a digit is missing")
	}
	for err == nil && isDigit(c) {
		n.take()
		c, err = n.peek()
	}
	return c, err
}

// integer consumes what comes before a fraction and an exponent. Behind a leading zero
// nothing else may follow.
func (n *literalNumber) integer() (int, error) {
	c, err := n.peek()
	if c == '-' {
		n.take()
		c, err = n.peek()
	}
	if err != nil {
		return 0, err
	}
	if c == '0' {
		n.take()
		return n.peek()
	}
	return n.digits()
}

// exponent consumes the e, a sign, and digits.
func (n *literalNumber) exponent() error {
	n.take()
	c, err := n.peek()
	if c == '+' || c == '-' {
		n.take()
	}
	if err == nil {
		_, err = n.digits()
	}
	return err
}
