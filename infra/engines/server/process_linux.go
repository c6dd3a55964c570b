package server

import "syscall"

// endsWithThisProcess has the kernel end a process when this one dies, also of kill -9.
func endsWithThisProcess(settings *syscall.SysProcAttr) *syscall.SysProcAttr {
	settings.Pdeathsig = syscall.SIGTERM
	return settings
}
