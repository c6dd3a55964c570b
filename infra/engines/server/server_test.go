package server_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
)

// The SDK in clients loses the body of an answer that comes after its head, asks again, and meets
// the lock that it has just taken (pkg/httpbody says why).
func TestEachAnswerComesInOnePiece(t *testing.T) {
	t.Parallel()
	engines := map[string]func(t *testing.T) string{"moto": func(t *testing.T) string { t.Helper(); return local.StartForTest(t).Endpoint }}
	for _, k := range []server.Kind{server.MiniStack, server.Dynalite, server.Dynoxide, server.S3rver, server.Versitygw, server.SeaweedFS} {
		engines[k.Name] = func(t *testing.T) string { t.Helper(); return server.StartForTest(t, k).Endpoint }
	}
	for name, start := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := strings.TrimPrefix(start(t), "http://")
			for range 50 {
				if piece := firstPiece(t, address); !bytes.Contains(piece, []byte("\r\n\r\n")) || bytes.HasSuffix(piece, []byte("\r\n\r\n")) {
					t.Fatalf("the head came alone: %q", piece)
				}
			}
		})
	}
}

// firstPiece is what comes first, whatever the engine answers.
func firstPiece(t *testing.T, address string) []byte {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err == nil {
		defer connection.Close() //nolint:errcheck // it is read no further
		_ = connection.SetDeadline(time.Now().Add(time.Minute))
		_, err = fmt.Fprintf(connection, "GET /nothing-here HTTP/1.1\r\nHost: %s\r\n\r\n", address)
	}
	if err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 1<<20)
	n, err := connection.Read(piece)
	if err != nil {
		t.Fatal(err)
	}
	return piece[:n]
}
