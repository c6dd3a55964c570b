package tflock

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Reference is what a person names a lock by.
type Reference struct {
	ID string // never empty where ParseReference gave no error
	// Path is the bucket/key of the state as the text says it, whole and unmasked; else
	// empty. It is a hint: a bucket that was copied, or a holder who lies, makes it lead
	// nowhere, and the lock is then to be looked for everywhere.
	Path string
	// DoubtfulPath is what the text shows of its one path where that was masked, clipped, or
	// wrapped by a terminal (then joined again). It is for people, at most a first guess, and
	// speaks against a lock whose path it cannot be: see OtherState.
	DoubtfulPath string
	// Literal is the whole text where it is one line and not simply the ID. A lock may
	// have exactly this as its ID (`ID: x`), since whoever writes the lock chooses it:
	// then it is not clear which of the two is meant.
	Literal string

	several string // see Paths: they are separated by newlines
	doubts  string // doubtful paths, likewise, where the text shows more than one path
}

// Paths are the paths of the states that the text may be of, whole and unmasked: several
// where it shows several for its one lock, and then Path is empty.
func (r Reference) Paths() []string {
	if r.several != "" {
		return strings.Split(r.several, "\n")
	}
	if r.Path != "" {
		return []string{r.Path}
	}
	return nil
}

// The ways in which a text names no single lock. Every error of ParseReference is one
// of them, in a sentence that quotes what was understood.
var (
	ErrNoReference = errors.New("no lock ID in the text")
	ErrTwoLocks    = errors.New("the text names more than one lock")
	ErrNoPlainID   = errors.New("the text's lock ID is not one that a client makes")
	// ErrOnlyState is a text that names a state and no lock, such as DynamoDB's LockID. It
	// comes as a *StateError, which has the path.
	ErrOnlyState = errors.New("the text names a state, and no lock")
)

// StateError is the error of a text that names a state and no lock.
type StateError struct{ Path string } // bucket/key

func (e *StateError) Error() string {
	return fmt.Sprintf("%v: %s is where a lock may be, but not which one; give the ID of the lock that is there (the client's error and the alert show it)", ErrOnlyState, quote(e.Path))
}

// Is makes it an ErrOnlyState.
func (e *StateError) Is(target error) bool { return target == ErrOnlyState }

const (
	// maxIDLength bounds an ID. Clients write 36 characters; this leaves room for other
	// tools that take the same locks.
	maxIDLength = 1024
	// maxText bounds what is read of a paste, in bytes. An error of a client has about a
	// thousand.
	maxText = 256 << 10
	// howTo ends an error.
	howTo = "give the ID alone, or the client's whole error with its \"Lock Info:\" block, or our alert, and no text between a shell's quotes"
	// asIs ends an error that shows what a holder wrote.
	asIs = "by a program or on the dashboard, and never between a shell's quotes, which may run it"
)

// ParseReference reads what a person gives to name a lock. That is one of:
//
//   - an ID alone, also decorated: quotes, backticks, a label, a full stop;
//   - the error of Terraform, OpenTofu or Terragrunt, by its "Lock Info:" block;
//   - a text of ours: mail, Slack message, table, event, answer, or command;
//   - a force-unlock command;
//   - JSON: a lock, a row of the lock table, an event of ours, or logs with any of
//     these in their strings.
//
// The text may be wrapped in what terminals, loggers, CI systems and chats add: see
// views for what is unwrapped, and in which order. The plainest reading in which the
// text names a lock is the only one that counts.
//
// A text is hostile until shown otherwise, since whoever takes a lock chooses what the
// client prints of it. An ID comes only from where the ID of the lock belongs, it is in
// the text character by character, and a text that contradicts itself is refused.
//
// Errors are ErrNoReference, ErrTwoLocks, ErrNoPlainID and ErrOnlyState.
func ParseReference(text string) (Reference, error) {
	if len(text) > maxText {
		return Reference{}, fmt.Errorf("%w: it has %d KB, more than the %d KB that are read; %s", ErrNoReference, len(text)>>10, maxText>>10, howTo)
	}
	text = codePages.Replace(strings.ToValidUTF8(text, "\uFFFD"))
	trimmed := strings.TrimFunc(text, func(r rune) bool { return r <= ' ' || isWideSpace(r) || unicode.Is(unicode.Cf, r) })
	ref, err, short := parseShort(trimmed)
	if !short {
		ref, err = parseLong(trimmed)
	}
	if err != nil {
		return Reference{}, err
	}
	if ref.ID != trimmed && len(trimmed) <= maxIDLength && !strings.ContainsAny(trimmed, "\r\n") {
		ref.Literal = trimmed
	}
	return ref, nil
}

// mention is a place in a text that names a lock: an ID, with a path where there is one.
// Without an ID it names a state.
type mention struct {
	id       string
	path     string
	doubtful bool // the path was masked, clipped or wrapped
	labelled bool // of a state: it is what a label says the text is about
}

// reading is what one way to read a text gives.
type reading struct {
	mentions []mention
	// refused says why a place that should name a lock cannot be followed. One is enough
	// to refuse the whole text.
	refused error
	// open is a "Lock Info:" without an ID behind it: another reading may find it.
	open bool
}

func (r *reading) add(m mention) { r.mentions = append(r.mentions, m) }

func (r *reading) refuse(err error) {
	if r.refused == nil {
		r.refused = err
	}
}

func (r *reading) merge(other reading) {
	r.mentions = append(r.mentions, other.mentions...)
	r.refuse(other.refused)
	r.open = r.open || other.open
}

func parseLong(text string) (Reference, error) {
	r := newReader(text)
	found := r.document(text, 0)
	if r.spent() {
		return Reference{}, fmt.Errorf("%w: it has texts within texts within texts; %s", ErrNoReference, howTo)
	}
	if found.refused != nil {
		return Reference{}, found.refused
	}
	ref, err := oneOf(found.mentions)
	if err != nil {
		return Reference{}, err
	}
	if ref.ID == "" {
		return Reference{}, nothing(text, found.open)
	}
	if found.open {
		return Reference{}, fmt.Errorf("%w: it names %s, and has another \"Lock Info:\" whose ID cannot be read; give the one ID that is meant", ErrTwoLocks, quote(ref.ID))
	}
	if isPlain(ref.ID) && !containsWord(text, ref.ID) {
		// Only a text that spells out plain characters as escapes comes here.
		return Reference{}, fmt.Errorf("%w: %s is in the text in an encoded form only; %s", ErrNoReference, quote(ref.ID), howTo)
	}
	return ref, nil
}

// oneOf returns the lock that all mentions name: a client that retries prints the same
// block again. Where their paths differ all of them are kept, and none is followed. A
// state that a label names counts where an ID is without a path of its own.
func oneOf(mentions []mention) (Reference, error) {
	var locks []mention // the first of each ID
	var states []string
	var its shownPaths
	var about []mention
	bare := false
	for _, m := range mentions {
		switch {
		case m.id != "":
			if !seen(locks, m.id) {
				locks = append(locks, m)
			}
			its.add(m)
			bare = bare || m.path == ""
			continue
		case m.labelled:
			about = append(about, m)
		}
		states = append(states, m.path)
	}
	switch {
	case len(locks) > 1:
		return Reference{}, choice(locks)
	case len(locks) == 0 && len(states) > 0:
		return Reference{}, &StateError{Path: states[0]}
	case len(locks) == 0:
		return Reference{}, nil
	}
	if bare {
		for _, m := range about {
			its.add(m)
		}
	}
	return its.of(Reference{ID: locks[0].id}), nil
}

// shownLocks bounds the locks that an error lists, and those that are distinguished.
const shownLocks = 10

func seen(locks []mention, id string) bool {
	for _, l := range locks {
		if l.id == id {
			return true
		}
	}
	return len(locks) > shownLocks
}

func choice(locks []mention) error {
	var list []string
	for _, l := range locks[:min(len(locks), shownLocks)] {
		name := quote(l.id)
		if l.path != "" {
			name += " on " + quote(l.path)
		}
		list = append(list, name)
	}
	more := ""
	if len(locks) > shownLocks {
		more = " and others"
	}
	return fmt.Errorf("%w: %s%s; give the one ID that is meant", ErrTwoLocks, strings.Join(list, ", "), more)
}

// nothing says what the text is, as far as that was understood.
func nothing(text string, open bool) error {
	switch {
	case open:
		return fmt.Errorf("%w: it has a \"Lock Info:\" without an \"ID:\" line behind it; %s", ErrNoReference, howTo)
	case text == "":
		return fmt.Errorf("%w, which is empty; %s", ErrNoReference, howTo)
	case strings.Contains(text, "acquiring the state lock") || strings.Contains(text, "state blob is already locked"):
		return fmt.Errorf("%w: it is a client's error about a state lock, but without its \"Lock Info:\" block, which a client leaves out when it cannot read the lock; "+
			"take the ID from the alert or the dashboard", ErrNoReference)
	}
	if id := uuid(text); id != "" {
		return fmt.Errorf("%w: it has %s, but nothing says that this is a lock's; if it is, give it alone", ErrNoReference, quote(id))
	}
	return fmt.Errorf("%w that begins with %s; %s", ErrNoReference, quote(firstLine(text)), howTo)
}
