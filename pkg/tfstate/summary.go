package tfstate

import "fmt"

// Condition is what a state is, as far as deleting it goes. The zero value is
// Unreadable, so that a forgotten one never reads as empty.
type Condition int

// The conditions, in order of precedence: a state that is several of these has
// the first one.
const (
	// Unreadable: no certain judgement. Not JSON, cut off, older than version 4,
	// or open to two readings. Summary.Why says which.
	Unreadable Condition = iota
	// Encrypted: OpenTofu encrypted it. Such a state has no resources that
	// anyone without the key can see.
	Encrypted
	// HasResources: it has at least one managed object.
	HasResources
	// HasOutputs: no managed object, but outputs, which other configurations may
	// read through terraform_remote_state.
	HasOutputs
	// Empty: version 4, no managed object, no output, nothing in doubt.
	Empty
)

// String returns the condition as it stands in answers and logs: "unreadable",
// "encrypted", "has_resources", "has_outputs" or "empty".
func (c Condition) String() string {
	switch c {
	case Unreadable:
		return "unreadable"
	case Encrypted:
		return "encrypted"
	case HasResources:
		return "has_resources"
	case HasOutputs:
		return "has_outputs"
	case Empty:
		return "empty"
	default:
		return fmt.Sprintf("Condition(%d)", int(c))
	}
}

// Summary is what a state says about itself. For an Unreadable state the other
// fields hold what was understood all the same, and may fall short.
type Summary struct {
	Condition Condition
	// Why says, for an Unreadable state only, what stands in the way. It quotes
	// nothing from the state but its version number.
	Why string

	Serial           uint64
	Lineage          string // at most 128 bytes of printable ASCII
	TerraformVersion string // at most 128 bytes of printable ASCII; OpenTofu writes its own version here

	// Managed counts the managed objects as `terraform workspace delete` does:
	// each instance of a managed resource, deposed ones included.
	Managed int
	// Types splits Managed by resource type, the most frequent first, equal ones
	// by name. It has at most 256 entries and 8 KB of names, each name at most 128 ASCII letters,
	// digits, underscores and hyphens.
	Types []TypeCount
	// OtherTypes counts the managed objects that Types leaves out: those beyond
	// its bound, and those whose type is no such name.
	OtherTypes int

	// Outputs counts the root module's outputs.
	Outputs int

	// State says that these bytes are a state at all, whatever its Condition: one whole JSON
	// object, either encrypted by OpenTofu or of version 1 to 4 with the list that it must
	// have. Probe gives it only where it did not stop early.
	State bool
	// Version is the version of the state format, 1 to 4. It is 0 for an encrypted state and
	// where it is not known.
	Version int
}

// TypeCount is how many managed objects a resource type has.
type TypeCount struct {
	Type  string
	Count int
}
