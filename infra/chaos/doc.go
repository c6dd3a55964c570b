// Command chaos tries to break Lockwarden on a local AWS, and says what held. Every call
// that a function makes fails in every way in which AWS fails, every invocation meets
// what Lambda does to invocations, and real clients work beside all functions. The laws
// that must hold are in laws.go. It knows the use cases by their public surface, and
// nothing of how they work: the calls are those that a clean run was seen to make.
package main
