package tfstate

import (
	"bytes"
	"io"
	"slices"
	"strconv"
)

// Contents is what an inventory says of a state. What is not known is nil or empty, and
// never zero: an encrypted state shows a serial and a lineage, but no number of objects.
type Contents struct {
	// Format is "1" to "4", "encrypted", or "unreadable" for bytes that are not a state.
	Format string

	Serial           *uint64
	Lineage          string // at most 128 bytes of printable ASCII
	TerraformVersion string // at most 128 bytes of printable ASCII

	Managed          *int // instances of managed resources, deposed ones included
	Data             *int // instances of data sources
	Tainted          *int // managed instances that the next apply replaces
	Deposed          *int // managed instances that were replaced and not yet destroyed
	Outputs          *int // of the root module
	SensitiveOutputs *int

	Types      []TypeCount // see Summary.Types
	OtherTypes int         // see Summary.OtherTypes
	// Providers are the source addresses of the providers, sorted, at most 64. The name that
	// Terraform up to 0.12 wrote has the address that Terraform gives it,
	// registry.terraform.io/-/NAME. A state has no versions of providers.
	Providers []string
	// OtherProviders says that there are more, or some whose address is not HOST/NAMESPACE/TYPE.
	OtherProviders bool `json:",omitzero"`
}

// The formats that are not a number.
const (
	FormatEncrypted  = "encrypted"
	FormatUnreadable = "unreadable"
)

// Object names one managed object beyond its own state. Its fields are valid during the
// call that is given it: they are not kept, and may not be written anywhere by themselves.
type Object struct {
	Type   []byte
	ARN    []byte // its attribute arn, which may be that of another resource; empty where it has none
	ID     []byte // at most 2048 bytes, as ARN; empty where it is longer, or none
	Region []byte // empty where the state does not say it
}

// Survey reads a whole state of any version, in constant memory, and returns what an
// inventory says of it. It calls visit, unless that is nil, for each managed object that
// has an ARN or an ID, in versions 3 and 4. Values of attributes leave a state only so.
//
// What is not a state is not an error; an error means that r failed. As with Read, r has
// been read to its end then.
func Survey(r io.Reader, visit func(Object)) (Contents, error) {
	d := newDecoder(r, false)
	d.survey = &survey{visit: visit, providers: map[string]bool{}}
	summary, err := d.run()
	if err != nil {
		return Contents{}, err
	}
	return d.survey.contents(summary, d), nil
}

const (
	// maxProviders bounds the providers that are kept.
	maxProviders = 64
	// maxAddress bounds the address of a provider: a host's name has at most 253 characters.
	maxAddress = 255
)

// maxName bounds an ARN and an ID: the longest that AWS makes have 2048 bytes.
const maxName = 2048

// survey gathers Contents beside the decoder's Summary.
type survey struct {
	visit func(Object)

	data, tainted, deposed, sensitive int
	serial                            bool // the state has one
	providers                         map[string]bool
	otherProviders                    bool

	resource struct{ tainted, deposed int }
	object   object
}

// object is the instance that is being read.
type object struct {
	arn, id, region  []byte
	tainted, deposed bool
}

func (s *survey) contents(sum Summary, d *decoder) Contents {
	c := Contents{Format: FormatUnreadable, Lineage: sum.Lineage, TerraformVersion: sum.TerraformVersion}
	if s.serial {
		c.Serial = &sum.Serial
	}
	switch {
	case sum.Condition == Encrypted, sum.State && d.encrypted:
		c.Format = FormatEncrypted
		return c
	case !sum.State:
		return Contents{Format: FormatUnreadable}
	}
	c.Format = strconv.Itoa(sum.Version)
	c.Managed, c.Data, c.Tainted, c.Deposed = &sum.Managed, &s.data, &s.tainted, &s.deposed
	c.Outputs, c.SensitiveOutputs = &sum.Outputs, &s.sensitive
	c.Types, c.OtherTypes = sum.Types, sum.OtherTypes
	for address := range s.providers {
		c.Providers = append(c.Providers, address)
	}
	slices.Sort(c.Providers)
	c.OtherProviders = s.otherProviders
	return c
}

// provider notes the provider of a resource or of an instance: provider["ADDRESS"], with a
// module before it and an alias behind it, or provider.NAME up to Terraform 0.12.
func (s *survey) provider(text []byte) {
	address, ok := addressIn(text)
	switch {
	case !ok:
		s.otherProviders = true
	case s.providers[string(address)]:
	case len(s.providers) == maxProviders:
		s.otherProviders = true
	default:
		s.providers[string(address)] = true
	}
}

func addressIn(text []byte) (address []byte, ok bool) {
	_, name, _ := bytes.Cut(text, []byte("provider"))
	if quoted, ok := bytes.CutPrefix(name, []byte(`["`)); ok {
		address, _, ok := bytes.Cut(quoted, []byte(`"]`))
		return address, ok && isAddress(address)
	}
	legacy, ok := bytes.CutPrefix(name, []byte("."))
	legacy, _, _ = bytes.Cut(legacy, []byte("."))
	return append([]byte("registry.terraform.io/-/"), legacy...), ok && isTypeName(legacy)
}

// isAddress reports whether a provider's address is safe to show anywhere: HOST/NAMESPACE/TYPE,
// with a port.
func isAddress(text []byte) bool {
	if len(text) > maxAddress || bytes.Count(text, []byte("/")) != 2 {
		return false
	}
	for _, b := range text {
		lower := b | 0x20
		if (lower < 'a' || lower > 'z') && !isDigit(int(b)) && !bytes.ContainsRune([]byte("./_-:"), rune(b)) {
			return false
		}
	}
	return len(text) > 0
}

// endObject counts the instance that was read, and shows it if it is a managed one whose
// type is known. mode and type come before the instances in every state that was written by
// Terraform or OpenTofu.
func (s *survey) endObject(m mode, kind []byte) {
	if s.object.tainted {
		s.resource.tainted++
	}
	if s.object.deposed {
		s.resource.deposed++
	}
	o := Object{Type: kind, ARN: s.object.arn, ID: s.object.id, Region: s.object.region}
	if s.visit != nil && m == managed && len(kind) > 0 && (len(o.ARN) > 0 || len(o.ID) > 0) {
		s.visit(o)
	}
}

// endResource adds what was counted in a resource.
func (s *survey) endResource(m mode, instances int) {
	switch m {
	case managed:
		s.tainted += s.resource.tainted
		s.deposed += s.resource.deposed
	case data:
		s.data += instances
	}
	s.resource.tainted, s.resource.deposed = 0, 0
}
