package tfstate

import (
	"errors"
	"fmt"
	"io"
)

// Read reads a whole state and says what is in it. Whatever the state turns out
// to be, r has then been read to its end, so a hash that is fed through an
// io.TeeReader is the hash of all bytes. (The lock table's digest of a state is
// the lower-case hex MD5 of them.)
//
// A state that makes no sense is not an error but an Unreadable one. An error
// means that r itself failed: nothing is known, and the Summary is zero.
func Read(r io.Reader) (Summary, error) {
	return newDecoder(r, false).run()
}

// Verify reads bytes of which it is not known that they are a state, and no further than to
// the place that shows that they are none: where they stop being JSON, or at once if they
// are not objects. Its answer about a state is that of Read; see Summary.State.
//
// Errors are those of Read.
func Verify(r io.Reader) (Summary, error) {
	d := newDecoder(r, false)
	d.verify = true
	return d.run()
}

// Probe reads a state only until it is known not to be deletable for its
// resources: it stops at the first managed object, and its counts are then
// lower bounds. Its Condition is Empty exactly if that of Read is. It also stops
// at a syntax error, so the rest of r may be unread.
//
// Errors are those of Read.
func Probe(r io.Reader) (Summary, error) {
	return newDecoder(r, true).run()
}

// errStop ends the reading early: enough is known.
var errStop = errors.New("enough has been read")

// decoder gathers a Summary from the JSON of a state.
type decoder struct {
	scan   *scanner
	probe  bool    // stop at the first managed object
	verify bool    // stop where it is not a state
	survey *survey // what an inventory needs besides; nil without one
	sum    Summary

	seen         []string // top-level keys so far
	version      string   // the literal, once it has been read
	hasResources bool     // there is a resources array
	hasModules   bool     // there are modules, as in versions 1 to 3
	encrypted    bool
	broken       bool   // it is not one JSON object
	unknown      bool   // there is a member that no known release writes
	why          string // the first doubt

	resource resource // the one being read
	types    tally
}

func newDecoder(r io.Reader, probe bool) *decoder {
	return &decoder{scan: newScanner(r), probe: probe}
}

// doubt records why the state cannot be judged. The first reason stays.
func (d *decoder) doubt(why string) {
	if d.why == "" {
		d.why = why
	}
}

func (d *decoder) run() (Summary, error) {
	err := d.document()
	stopped := errors.Is(err, errStop)
	var bad *syntaxError
	if errors.As(err, &bad) {
		d.why = bad.Error() // no other doubt weighs as much
		d.broken = true
		err = nil
		if !d.probe && !d.verify {
			err = d.scan.drain()
		}
	}
	if err != nil && !stopped {
		return Summary{}, fmt.Errorf("read state: %w", err)
	}
	d.sum.Types, d.sum.OtherTypes = d.types.result()
	d.conclude(stopped)
	return d.sum, nil
}

// conclude judges what was gathered. What would come later may be missing if
// the reading was stopped at a managed object.
func (d *decoder) conclude(stopped bool) {
	if !d.encrypted && d.version != "" && d.version != "4" {
		d.doubt("it is of state version " + d.version + ", and only version 4 can be judged")
	}
	if !d.encrypted && !stopped {
		if d.version == "" {
			d.doubt("it has no state version")
		}
		if !d.hasResources {
			d.doubt("it has no list of resources")
		}
	}
	if !stopped {
		d.classify()
	}
	// A later format may keep what matters in a member of its own. Where there are managed
	// objects the state is kept for them anyway.
	if (d.unknown || d.hasModules) && !d.encrypted && d.sum.Managed == 0 {
		d.doubt("it has a top-level member that no known release of Terraform or OpenTofu writes")
	}
	switch {
	case d.why != "":
		d.sum.Condition, d.sum.Why = Unreadable, d.why
	case d.encrypted:
		d.sum.Condition = Encrypted
	case d.sum.Managed > 0:
		d.sum.Condition = HasResources
	case d.sum.Outputs > 0:
		d.sum.Condition = HasOutputs
	default:
		d.sum.Condition = Empty
	}
}

// classify says of which format the bytes are, whatever is in doubt about their contents.
func (d *decoder) classify() {
	switch {
	case d.broken:
		return
	case d.encrypted:
		d.sum.State = true
		return
	case d.version == "1", d.version == "2", d.version == "3":
		d.sum.State = d.hasModules
	case d.version == "4":
		d.sum.State = d.hasResources
	}
	if d.sum.State {
		d.sum.Version = int(d.version[0] - '0')
	}
}

// document reads the state's one JSON object and the end behind it.
func (d *decoder) document() error {
	c, err := d.scan.next()
	if err != nil {
		return err
	}
	switch {
	case c == eof && d.scan.offset() == 0:
		d.doubt("it has no bytes")
		d.broken = true
		return nil
	case c == '{':
		err = d.scan.members(d.member)
	default:
		d.doubt("it is not a JSON object")
		d.broken = true
		if d.verify {
			return nil
		}
		err = d.scan.skip()
	}
	if err != nil {
		return err
	}
	return d.scan.finish()
}
