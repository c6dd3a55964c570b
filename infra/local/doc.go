// Package local is the AWS that tests and the demo share, on this machine alone:
// moto as the services, the real SAM transform, the functions' built binaries under a
// Runtime API, and real Terraform and OpenTofu clients. `make setup` installs what it
// needs. It is no part of what is deployed.
package local
