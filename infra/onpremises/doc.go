// Package onpremises is what it takes to run the functions outside of AWS: a script that runs
// one under AWS's own emulator, units for systemd, and a compose file. Its tests follow
// docs/on-premises.md by its own commands, and probe stores that nobody here wrote.
package onpremises
