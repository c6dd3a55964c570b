// Package statelock takes and releases the locks of states, as a client would, in every
// place where a client could look for one.
//
// Its locks name the function that took them, the request and the deadline of its
// invocation, so that whatever a crash leaves is known as that and cleared by a later run. It
// never removes a lock of anybody else. It decides nothing about states.
package statelock
