package tfstate

import (
	"strconv"
	"strings"
)

const (
	// maxTopLevel bounds the keys that are remembered to find duplicates. States
	// have seven.
	maxTopLevel = 64
	// maxText bounds the texts that are kept.
	maxText = 128
	// maxNumber is more than the digits of the largest uint64.
	maxNumber = 24
)

// topLevel are the keys that Terraform or OpenTofu decode. Both use
// encoding/json, for which "Resources" is "resources", too.
var topLevel = []string{
	"version", "terraform_version", "serial", "lineage", "outputs", "resources",
	"check_results", "meta", "encrypted_data", "encryption_version",
}

// member reads one member of the state's object. Keys come in any order.
func (d *decoder) member(key []byte, whole bool) error {
	d.checkKey(key, whole)
	switch string(key) {
	case "version":
		return d.number("version", &d.version)
	case "serial":
		return d.serial()
	case "lineage":
		return d.text("lineage", &d.sum.Lineage)
	case "terraform_version":
		return d.text("terraform_version", &d.sum.TerraformVersion)
	case "outputs":
		return d.outputs()
	case "resources":
		return d.resources()
	case "modules":
		d.hasModules = true
		if d.survey != nil {
			return d.surveyModules()
		}
	case "encrypted_data", "encryption_version":
		d.encrypted = true
	case "check_results":
	default: // "meta" too, without encrypted data
		d.unknown = true
	}
	return d.scan.skip()
}

// checkKey doubts a key that encoding/json would take for another one.
func (d *decoder) checkKey(key []byte, whole bool) {
	switch {
	case d.why != "": // else whoever repeats a key would have each one compared with all before it
		return
	case !whole:
		d.doubt("a top-level key is too long")
		return
	case len(d.seen) == maxTopLevel:
		d.doubt("it has too many top-level keys")
		return
	}
	name := string(key)
	for _, known := range topLevel {
		if name != known && strings.EqualFold(name, known) {
			d.doubt("a top-level key differs from \"" + known + "\" only in case")
		}
	}
	for _, before := range d.seen {
		if strings.EqualFold(name, before) {
			d.doubt("a top-level key is there twice")
			return
		}
	}
	d.seen = append(d.seen, name)
}

// number reads a short number into its literal. Anything else is a doubt.
func (d *decoder) number(name string, into *string) error {
	c, err := d.scan.next()
	if err != nil {
		return err
	}
	if c != '-' && !isDigit(c) {
		d.doubt("\"" + name + "\" is not a number")
		return d.scan.skip()
	}
	literal, whole, err := d.scan.number(maxNumber)
	if err != nil {
		return err
	}
	if !whole {
		d.doubt("\"" + name + "\" is too large a number")
		return nil
	}
	*into = string(literal)
	return nil
}

func (d *decoder) serial() error {
	var literal string
	if err := d.number("serial", &literal); err != nil || literal == "" {
		return err
	}
	serial, err := strconv.ParseUint(literal, 10, 64)
	if err != nil {
		d.doubt("\"serial\" is not a whole number of 64 bits")
		return nil
	}
	d.sum.Serial = serial
	if d.survey != nil {
		d.survey.serial = true
	}
	return nil
}

// text reads a short printable string. Anything else is a doubt.
func (d *decoder) text(name string, into *string) error {
	c, err := d.scan.next()
	if err != nil {
		return err
	}
	if c != '"' {
		d.doubt("\"" + name + "\" is not a string")
		return d.scan.skip()
	}
	value, whole, err := d.scan.text(maxText)
	if err != nil {
		return err
	}
	if !whole {
		d.doubt("\"" + name + "\" is too long")
		return nil
	}
	for _, b := range value {
		if b < ' ' || b > '~' {
			d.doubt("\"" + name + "\" has characters that do not belong there")
			return nil
		}
	}
	*into = string(value)
	return nil
}

// outputs counts the outputs. Their names and values do not matter, so equal
// names are counted twice: one is enough for the state not to be empty.
func (d *decoder) outputs() error {
	c, err := d.scan.next()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		if d.survey != nil {
			return d.countOutputs(&d.sum.Outputs, &d.survey.sensitive)
		}
		return d.scan.members(func([]byte, bool) error {
			d.sum.Outputs++
			return d.scan.skip()
		})
	case 'n': // null is how Go writes a map without a value: no outputs
		return d.scan.skip()
	default:
		d.doubt("\"outputs\" is not an object")
		return d.scan.skip()
	}
}
