package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Server is a running engine.
type Server struct {
	Endpoint string
	dir      string
	process  *exec.Cmd
	unplug   func() // ends what stands before it, if anything does
}

// Start runs an engine with dir, an empty folder, as its home. It ends with Stop, and on
// Linux also when this process dies without it.
func Start(ctx context.Context, k Kind, dir string) (*Server, error) {
	ports, err := FreePorts(1 + k.ports)
	if err != nil {
		return nil, err
	}
	c := k.command(ports[0], ports[1:]...)
	for i, arg := range c.args {
		switch in := filepath.Join(local.Root(), ".build", filepath.FromSlash(arg)); {
		case exists(in): // the program, and scripts that a program runs
			c.args[i] = in
		case i == 0:
			return nil, fmt.Errorf("%s is missing: run `make test` or `make engines`, which install it", in)
		case arg == dataFolder, arg == versionsFolder:
			c.args[i] = filepath.Join(dir, arg)
		}
	}
	for _, name := range []string{dataFolder, versionsFolder} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o750); err != nil {
			return nil, err
		}
	}
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the process has its own
	cmd := exec.Command(c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}, c.env...)
	cmd.SysProcAttr = endsWithThisProcess(&syscall.SysProcAttr{Setpgid: true})
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", k.Name, err)
	}
	s := &Server{Endpoint: "http://127.0.0.1:" + ports[0], dir: dir, process: cmd, unplug: func() {}}
	err = s.ready(ctx, k.health)
	if err == nil && k.halves {
		s.Endpoint, s.unplug, err = local.Proxy(s.Endpoint, func(http.ResponseWriter, *http.Request, []byte) bool { return false })
	}
	if err != nil {
		said, _ := os.ReadFile(log.Name()) // to explain the error
		s.Stop()
		return nil, fmt.Errorf("%s: %w\n%s", k.Name, err, said)
	}
	return s, nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// FreePorts are of 127.0.0.1, all different: each is held until all are known. They are below
// those that the system gives to outgoing connections, which a busy machine takes at any time.
func FreePorts(n int) (ports []string, err error) {
	const first, many, tries = 12_000, 20_000, 1_000
	for try := 0; len(ports) < n; try++ {
		port := strconv.Itoa(first + rand.IntN(many)) //nolint:gosec // no secret
		listener, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			if try == tries {
				return nil, err
			}
			continue
		}
		defer listener.Close() //nolint:errcheck // nobody called it
		ports = append(ports, port)
	}
	return ports, nil
}

func (s *Server) ready(ctx context.Context, health string) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint+health, http.NoBody)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(request); err == nil { // whatever it answers
			return answer.Body.Close()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return errors.New("it did not answer within a minute")
}

// AWS is this engine as the place of every service.
func (s *Server) AWS() *local.AWS { return local.At(s.Endpoint, AccessKey, SecretKey) }

// Stop ends the engine, with the processes that it runs.
func (s *Server) Stop() {
	s.unplug()
	group := -s.process.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() { _ = s.process.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
	<-ended
}
