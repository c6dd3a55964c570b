//go:build !linux

package server

import "syscall"

// endsWithThisProcess changes nothing: only Linux can do this.
func endsWithThisProcess(settings *syscall.SysProcAttr) *syscall.SysProcAttr { return settings }
