package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/caarlos0/env/v11"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mailer:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context) error {
	s, err := env.ParseAs[settings]()
	if err != nil {
		return err
	}
	sender, err := s.sender()
	if err != nil {
		return err
	}
	outbox, err := openOutbox(s.Outbox, sender.Send)
	if err != nil {
		return err
	}
	listener, err := listen(s.Listen)
	if err != nil {
		return err
	}
	slog.Info("sends what is published as mail", "listens", listener.Addr().String(), "server", s.Server, "to", s.To)
	go outbox.run(ctx)
	server := &http.Server{Handler: topic{outbox.add}, ReadTimeout: 10 * time.Second, WriteTimeout: 10*time.Second + patience}
	go func() {
		<-ctx.Done()
		_ = server.Close() // what is in the outbox is sent by the next mailer
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// listen listens on this machine alone: whoever can reach the port can send mail.
func listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	if at, ok := listener.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("LISTEN=%s can be reached from elsewhere: give it a port of 127.0.0.1", address), listener.Close())
	}
	return listener, nil
}
