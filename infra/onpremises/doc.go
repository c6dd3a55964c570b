// Package onpremises is what it takes to run the functions outside of AWS: a script that runs
// one under AWS's own emulator, units for systemd, a compose file, and mailer, which sends mail in
// place of SNS. Its tests follow docs/on-premises.md by its own commands, read the mail in a
// Mailbox, and probe stores that nobody here wrote.
package onpremises
