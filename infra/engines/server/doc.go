// Package server starts the engines that stand in for AWS, or for a store beside it: each a
// process of its own on a free port of 127.0.0.1, installed by make into .build. It knows how
// an engine is started and what it offers, and nothing of what is tried on it.
package server
