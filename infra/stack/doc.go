// Package stack holds what template.yaml must keep true, as tests: that each function
// does its job under its own role and can do nothing else, that alarms lead to
// runbooks, that state and locks outlive the stack, that the documents say what is
// there. What the tests read of the template is read here, after the real SAM
// transform. It is no part of what is deployed.
package stack
