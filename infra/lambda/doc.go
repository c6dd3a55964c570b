// Package lambda runs the functions under AWS's own Lambda emulator, which is the program that
// AWS puts into its container images, and so holds package local's stand-in for Lambda to it.
package lambda
