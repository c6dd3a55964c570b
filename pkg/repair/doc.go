// Package repair makes a state and its digests agree again, or makes an older version of a
// state the newest, when somebody asks for it.
//
// It reads, decides by policy.RepairFacts, takes the state's locks as a client would, reads
// again, and writes on condition of what it read. At whatever point it dies, clients can
// read the state: a missing digest only makes them warn, a wrong one stops them, so a digest
// goes before the state changes and comes after it.
package repair
