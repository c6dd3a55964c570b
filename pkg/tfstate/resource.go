package tfstate

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// resource is what matters of one element of "resources".
type resource struct {
	mode         mode
	kind         []byte // the resource type; empty if it does not look like one
	instances    int
	hasInstances bool
	seen         [len(judged)]bool
}

// mode is who a resource belongs to.
type mode int

const (
	unknown mode = iota
	managed      // Terraform made it
	data         // Terraform only reads it
)

// judged are the keys of a resource that decide whether it is managed objects.
var judged = [...]string{"mode", "type", "instances"}

func (d *decoder) resources() error {
	c, err := d.scan.next()
	if err != nil {
		return err
	}
	if c != '[' {
		d.doubt("\"resources\" is not a list")
		return d.scan.skip()
	}
	d.hasResources = true
	return d.scan.elements(func(c int) error {
		if c != '{' {
			d.doubt("a resource is not an object")
			return d.scan.skip()
		}
		d.resource = resource{kind: d.resource.kind[:0]}
		if err := d.scan.members(d.resourceMember); err != nil {
			return err
		}
		return d.endResource()
	})
}

func (d *decoder) resourceMember(key []byte, whole bool) error {
	if whole {
		d.checkResourceKey(key)
	}
	switch string(key) {
	case "mode":
		return d.mode()
	case "type":
		return d.resourceType()
	case "instances":
		return d.instances()
	case "provider":
		if d.survey != nil {
			return d.provider()
		}
	}
	return d.scan.skip()
}

// checkResourceKey doubts a key that encoding/json would take for a judged one.
func (d *decoder) checkResourceKey(key []byte) {
	for i, name := range judged {
		switch {
		case string(key) == name:
			if d.resource.seen[i] {
				d.doubt("a resource has \"" + name + "\" twice")
			}
			d.resource.seen[i] = true
		case bytes.EqualFold(key, []byte(name)):
			d.doubt("a key of a resource differs from \"" + name + "\" only in case")
		}
	}
}

func (d *decoder) mode() error {
	c, err := d.scan.next()
	if err != nil {
		return err
	}
	if c != '"' {
		d.doubt("the mode of a resource is not a string")
		return d.scan.skip()
	}
	mode, _, err := d.scan.text(maxText)
	if err != nil {
		return err
	}
	switch string(mode) {
	case "managed":
		d.resource.mode = managed
	case "data":
		d.resource.mode = data
	default:
		d.doubt("a resource is neither managed nor data")
	}
	return nil
}

func (d *decoder) resourceType() error {
	c, err := d.scan.next()
	if err != nil {
		return err
	}
	if c != '"' {
		d.doubt("the type of a resource is not a string")
		return d.scan.skip()
	}
	kind, whole, err := d.scan.text(maxText)
	if err != nil {
		return err
	}
	d.resource.kind = d.resource.kind[:0]
	if whole && isTypeName(kind) {
		d.resource.kind = append(d.resource.kind, kind...)
	}
	return nil
}

func (d *decoder) instances() error {
	c, err := d.scan.next()
	if err != nil {
		return err
	}
	if c != '[' {
		d.doubt("the instances of a resource are not a list")
		return d.scan.skip()
	}
	d.resource.hasInstances = true
	return d.scan.elements(d.instance)
}

func (d *decoder) instance(int) error {
	d.resource.instances++
	if d.probe && d.resource.mode == managed {
		return d.endResource()
	}
	if d.survey != nil {
		return d.surveyInstance()
	}
	return d.scan.skip()
}

// endResource counts the resource that was read, or as much as is known of it.
func (d *decoder) endResource() error {
	if d.survey != nil {
		d.survey.endResource(d.resource.mode, d.resource.instances)
	}
	switch {
	case d.resource.mode == unknown:
		d.doubt("a resource is neither managed nor data")
		return nil
	case d.resource.mode == data:
		return nil // nothing is lost with it
	case !d.resource.hasInstances:
		d.doubt("a managed resource has no list of instances")
		return nil
	}
	d.sum.Managed += d.resource.instances
	d.types.add(d.resource.kind, d.resource.instances)
	if d.probe && d.sum.Managed > 0 {
		return errStop
	}
	return nil
}

// isTypeName tells whether a resource type is safe to show anywhere. Those of
// real providers are.
func isTypeName(name []byte) bool {
	for _, b := range name {
		lower := b | 0x20
		if (lower < 'a' || lower > 'z') && !isDigit(int(b)) && b != '_' && b != '-' {
			return false
		}
	}
	return len(name) > 0
}

const (
	// maxTypes bounds the types that are distinguished.
	maxTypes = 256
	// maxTypeNames bounds the bytes of their names.
	maxTypeNames = 8 << 10
)

// tally counts objects by type, for a bounded number of types.
type tally struct {
	index  map[string]int // where a type stands in counts
	counts []TypeCount
	other  int
}

// add counts n objects of a type; an empty name is none.
func (t *tally) add(name []byte, n int) {
	if n == 0 {
		return
	}
	if i, ok := t.index[string(name)]; ok {
		t.counts[i].Count += n
		return
	}
	if len(name) == 0 || len(t.counts) == maxTypes {
		t.other += n
		return
	}
	if t.index == nil {
		t.index = make(map[string]int)
	}
	t.index[string(name)] = len(t.counts)
	t.counts = append(t.counts, TypeCount{Type: string(name), Count: n})
}

// result returns the counts, the largest first, and what is not among them.
func (t *tally) result() ([]TypeCount, int) {
	slices.SortFunc(t.counts, func(a, b TypeCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Type, b.Type))
	})
	names := 0
	for i, c := range t.counts {
		if names += len(c.Type); names > maxTypeNames {
			for _, left := range t.counts[i:] {
				t.other += left.Count
			}
			return slices.Clone(t.counts[:i]), t.other
		}
	}
	return t.counts, t.other
}
