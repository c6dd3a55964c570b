package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// program is a process that asks the Runtime API for events.
type program struct {
	name string
	argv []string
	// environment is all that it gets, beside what every Lambda has.
	environment map[string]string
}

// run is what one cold run of one event cost.
type run struct {
	Init time.Duration // from the start of the process to its first question for an event
	Wall time.Duration // from the event to the answer
	CPU  time.Duration // of the whole process, user and system
	RSS  int64         // bytes, the highest
}

// invoke runs a program for one event. hold is the memory in bytes that the process may
// use, enforced by the kernel; 0: any.
func invoke(ctx context.Context, p program, payload string, hold int64) (run, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	api, answers, stop, err := local.StartRuntime(ctx, payload, local.FunctionARN("bench"))
	if err != nil {
		return run{}, err
	}
	defer stop()
	argv := p.argv
	if hold > 0 {
		group, err := newGroup(hold)
		if err != nil {
			return run{}, err
		}
		defer group.remove()
		argv = group.wrap(argv)
	}
	process := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // our own programs
	process.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + api, "PATH=" + os.Getenv("PATH")}
	for name, value := range p.environment {
		process.Env = append(process.Env, name+"="+value)
	}
	var output tail
	process.Stdout, process.Stderr = &output, &output
	started := time.Now()
	if err := process.Start(); err != nil {
		return run{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	select {
	case answer := <-answers:
		rss, err := highWater(process.Process.Pid)
		_ = process.Process.Kill() // Lambda would keep it warm
		<-ended                    //nolint:errcheck // it was killed
		if err == nil && answer.Failed {
			err = fmt.Errorf("%s failed: %.2000s\n%s", p.name, answer.Payload, output.text)
		}
		usage, _ := process.ProcessState.SysUsage().(*syscall.Rusage)
		return run{
			Init: answer.Asked.Sub(started), Wall: answer.Answered.Sub(answer.Asked), RSS: rss,
			CPU: time.Duration(usage.Utime.Nano() + usage.Stime.Nano()),
		}, err
	case err := <-ended:
		return run{}, fmt.Errorf("%s ended without an answer: %w\n%s", p.name, errors.Join(err, ctx.Err()), output.text)
	}
}

var vmHWM = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// highWater is the most memory that the process had. The kernel's ru_maxrss will not do: a
// child's begins with that of the process that forked it.
func highWater(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	m := vmHWM.FindSubmatch(status)
	if m == nil {
		return 0, errors.New("the kernel does not say VmHWM")
	}
	kB, err := strconv.ParseInt(string(m[1]), 10, 64)
	return kB << 10, err
}

// tail keeps the first of what a process prints, for an error.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p[:min(len(p), max(0, 4096-len(t.text)))]...)
	return len(p), nil
}
