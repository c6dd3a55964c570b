// Command console opens the dashboard's page on a local AWS with real stuck locks, its
// buttons working, and plays the part of CloudWatch. It runs until it is interrupted,
// or until the command behind -then ends, and leaves nothing running.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// stuckAfter stands for the half hour that nobody wants to wait for here.
const stuckAfter = 10 * time.Second

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where to serve: an address of this machine alone")
	then := flag.String("then", "", "a program that drives a browser: it gets the page's address, and this ends when it does")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *listen, *then, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the console failed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, then string, args []string) error {
	if !strings.HasPrefix(listen, "127.0.0.1:") {
		return errors.New("-listen must begin with 127.0.0.1: whoever reaches the page can release locks")
	}
	step("starting a local AWS and deploying template.yaml into it (StuckAfter=%s)", stuckAfter)
	aws, err := local.Start()
	if err != nil {
		return err
	}
	defer aws.Stop()
	stack, err := aws.Deploy(ctx, "lockwarden", map[string]string{
		"StuckAfter": stuckAfter.String(), "ReleaseGuard": stuckAfter.String(), "StuckAfterOverrides": "*/database/**=2h",
	})
	if err != nil {
		return err
	}
	clients, err := local.Clients()
	if err != nil {
		return err
	}
	team, err := stack.Team(clients[0])
	if err != nil {
		return err
	}
	defer team.End()
	s := &scene{team, clients, map[string]*local.Workspace{}}
	if err := s.play(ctx); err != nil {
		return err
	}

	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	server := &http.Server{Handler: newHost(stack, listener.Addr().String()), ReadHeaderTimeout: time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	go server.Serve(listener) //nolint:errcheck // Close ends it
	defer server.Close()      //nolint:errcheck // nothing is lost
	step("the dashboard's page is at %s", url)
	if then == "" {
		fmt.Println("  Ctrl-C ends it.")
		<-ctx.Done()
		return nil
	}
	drive := exec.CommandContext(ctx, then, append([]string{url}, args...)...) //nolint:gosec // the caller names it
	drive.Stdout, drive.Stderr = os.Stdout, os.Stderr
	if err := drive.Run(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(then), err)
	}
	return s.plan(ctx)
}

func step(format string, args ...any) { fmt.Printf("\n> "+format+"\n", args...) }
