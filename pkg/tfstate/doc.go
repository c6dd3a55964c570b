// Package tfstate knows what a Terraform or OpenTofu state file says: its
// serial and lineage, how many objects it manages and of which types, how many
// outputs it has, and whether it is certainly empty, encrypted, or beyond
// judgement.
//
// It fails closed. A state is empty only when everything in it was read and
// understood; whatever two readers could understand differently is a doubt, and
// a doubtful state is not empty.
//
// [Read] judges a state for deleting it, [Survey] describes it for an inventory.
//
// It reads a stream in constant memory. encoding/json is not used for that: it
// holds each string whole, takes the last of two equal keys, ignores the case
// of keys and repairs invalid UTF-8, all without a word.
//
// It knows nothing of AWS, of where states are, of their age, or of what is to
// be done with them. Values of attributes and outputs are often secrets: they
// are skipped, and never kept or quoted. Standard library only.
package tfstate
