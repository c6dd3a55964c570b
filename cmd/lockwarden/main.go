// Command lockwarden lists state locks and releases one, lists states and what is wrong with
// them and repairs one, and lists and restores pruned states (docs/cli.md).
//
// It invokes the functions of a deployed stack, so that permissions and records are those of the
// functions. Only probe and witness call a store themselves (docs/adr/0014 and 0016).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/lockwarden/lockwarden/pkg/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // a terminal is given back as it was
	defer stop()
	keys := &keyboard{}
	t := terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, ask: keys.ask}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		t.paste = keys.paste
	}
	ignoreKeys()
	code := run(ctx, os.Args[1:], t)
	if ctx.Err() != nil {
		keys.forget()
	}
	os.Exit(code)
}

// options are the command line.
type options struct {
	Stack   string `help:"Name of the CloudFormation stack." default:"lockwarden" env:"LOCKWARDEN_STACK"`
	Region  string `help:"AWS region. Default: as the AWS CLI finds it."`
	Profile string `help:"Profile of the AWS configuration. Default: as the AWS CLI finds it."`
	JSON    bool   `name:"json" help:"Print the function's answer as it is."`

	Version kong.VersionFlag `help:"Print the version."`

	Locks   locksCommand   `cmd:"" help:"List the current locks, stuck ones first. This is a scan: it notifies as the schedule's scans do."`
	Unlock  unlockCommand  `cmd:"" help:"Release one lock, after its evidence was shown and confirmed."`
	States  statesCommand  `cmd:"" help:"List what the inventory found wrong, and the states, as its latest report has them."`
	Stale   staleCommand   `cmd:"" help:"List stale states and what a prune would do with each. Nothing is deleted."`
	Restore restoreCommand `cmd:"" help:"Bring a pruned state back."`
	Repair  repairCommand  `cmd:"" help:"Repair a state's digest, or restore an older version of the state. Shows the change and asks first."`
	Probe   probeCommand   `cmd:"" help:"Test, with a temporary object, whether a bucket or a table honours the conditional requests that locks rely on. It calls the store itself, and needs no stack."`
	Witness witnessCommand `cmd:"" help:"Show, or with --apply make, the change by which a bucket notifies the stack of its lock objects, so that alerts say which session holds a lock."`
}

const exits = `
Exit codes: 0 done; 1 wrong usage, no stack, no credentials; 2 the function failed, or its answer was lost; 3 refused; 4 not found; 5 changed: another lock is
there; 6 ambiguous; 7 partial: repeat it; 8 not confirmed.`

// run returns the exit code.
func run(ctx context.Context, args []string, t terminal) int {
	var o options
	exited := -1
	parser, err := kong.New(
		&o, kong.Name("lockwarden"), kong.Description("List and release Terraform and OpenTofu state locks through a deployed Lockwarden stack."+exits),
		kong.Writers(t.out, t.err), kong.Vars{"version": version.Current}, kong.Exit(func(code int) { exited = code }), kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 100}),
	)
	if err != nil {
		return t.fail(exitUsage, err)
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // it printed the help
		return exited
	}
	if err != nil {
		return t.fail(exitUsage, err)
	}
	s := &session{options: o, terminal: t}
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(s); err != nil {
		return exitCode(t, err)
	}
	return 0
}

// exitCode says what went wrong, unless an answer said it, and returns the exit code for it.
func exitCode(t terminal, err error) int {
	if outcome, ok := errors.AsType[outcomeError](err); ok {
		return outcome.code
	}
	if failed, ok := errors.AsType[*functionError](err); ok {
		return t.fail(exitFailed, failed)
	}
	if errors.Is(err, errInterrupted) {
		return t.fail(exitUnconfirmed, err)
	}
	return t.fail(exitUsage, err)
}

// Exit codes.
const (
	exitUsage       = 1
	exitFailed      = 2
	exitRefused     = 3
	exitNotFound    = 4
	exitChanged     = 5
	exitAmbiguous   = 6
	exitPartial     = 7
	exitUnconfirmed = 8
)

// outcomeError ends a command whose answer was printed already.
type outcomeError struct{ code int }

func (e outcomeError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// exitError returns the exit code of an outcome as an error; nil for success.
func exitError(outcome string) error {
	switch outcome {
	case "released", "would_release", "restored", "repaired", "would_repair", "nothing_to_do":
		return nil
	case "refused", "locked":
		return outcomeError{exitRefused}
	case "not_found":
		return outcomeError{exitNotFound}
	case "changed":
		return outcomeError{exitChanged}
	case "ambiguous":
		return outcomeError{exitAmbiguous}
	case "partial":
		return outcomeError{exitPartial}
	default:
		return outcomeError{exitFailed}
	}
}

// terminal is where the command talks to people.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	ask      func(ctx context.Context, question string) (string, error) // asks a person, even where in is a pipe
	paste    func(context.Context) (string, error)                      // where in is a terminal
	pasted   bool                                                       // the text was pasted where questions are answered
}

func (t terminal) fail(code int, err error) int {
	fmt.Fprintf(t.err, "lockwarden: %s\n", line(err.Error()))
	return code
}
