//go:build !windows

package main

import (
	"os/signal"
	"syscall"
)

// ignoreKeys leaves out the signals of keys that a text may have in it which is pasted before it is asked for: the shell would run what is
// behind them.
func ignoreKeys() { signal.Ignore(syscall.SIGQUIT, syscall.SIGTSTP) }
