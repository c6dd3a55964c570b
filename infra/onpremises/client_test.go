package onpremises_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// slow takes ten minutes to make, of the built-in provider: nothing is downloaded.
const slow = `
resource "terraform_data" "app" {
  provisioner "local-exec" { command = "sleep 600" }
}
`

// client is an OpenTofu with the configuration of the document.
type client struct {
	dir, program string
	keys         credential
	store        string
}

// newClient is one with the backend block of the document, at the endpoints of these stores.
func (o *office) newClient(t *testing.T, backend string) *client {
	t.Helper()
	tofu, err := local.Tofu()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := o.keys()
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t.TempDir(), tofu.Path, keys, o.storeURL(t)}
	backend = strings.Replace(backend, `"http://127.0.0.1:8333"`, `"`+c.store+`"`, 1)
	if o.tables != "" { // as the document says in words
		backend = strings.Replace(backend, " }\n", fmt.Sprintf(", dynamodb = %q }\n    dynamodb_table = %q\n", o.tables, table), 1)
	}
	if err := os.WriteFile(filepath.Join(c.dir, "main.tf"), []byte(backend+slow), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := c.command("init").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return c
}

func (c *client) command(args ...string) *exec.Cmd {
	cmd := exec.Command(c.program, append(args, "-no-color", "-input=false")...) //nolint:gosec // built by make
	cmd.Dir, cmd.SysProcAttr = c.dir, &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "AWS_ACCESS_KEY_ID=" + c.keys.id, "AWS_SECRET_ACCESS_KEY=" + c.keys.secret, "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=" + os.DevNull}
	return cmd
}

// die kills an apply under its lock, as a laptop dies, and gives the lock's ID.
func (c *client) die(t *testing.T) string {
	t.Helper()
	apply, said := c.command("apply", "-auto-approve"), &output{}
	apply.Stdout, apply.Stderr = said, said
	if err := apply.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(said.String(), "terraform_data.app: Creating..."); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the apply made nothing for two minutes\n%s", said)
		}
	}
	_ = syscall.Kill(-apply.Process.Pid, syscall.SIGKILL)
	_ = apply.Wait() // it was killed
	if out, err := c.command("plan").CombinedOutput(); err == nil || !strings.Contains(string(out), "Error acquiring the state lock") {
		t.Fatalf("the lock does not hold: %v\n%s", err, out)
	}
	object, err := s3At(c.store, c.keys).GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key + tflock.Suffix)})
	if err != nil {
		t.Fatal(err)
	}
	var info tflock.Info
	raw, err := io.ReadAll(object.Body)
	if err == nil {
		err = json.Unmarshal(raw, &info)
	}
	if err != nil || info.ID == "" {
		t.Fatalf("%v: %s", err, raw)
	}
	time.Sleep(1100 * time.Millisecond) // stores' clocks have seconds
	return info.ID
}

// credential is an access key of a store.
type credential struct{ id, secret string }

// keys are those of the store, as the document wrote them.
func (o *office) keys() (credential, error) {
	text, err := os.ReadFile(filepath.Join(o.prefix, "credentials"))
	if err != nil {
		return credential{}, err
	}
	var c credential
	_, err = fmt.Sscanf(string(text), "[store]\naws_access_key_id = %s\naws_secret_access_key = %s\n", &c.id, &c.secret)
	return c, err
}

// storeURL is the store's endpoint, as the document wrote it.
func (o *office) storeURL(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.prefix, "lockwarden.env"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "AWS_ENDPOINT_URL_S3=")
	url, _, _ := strings.Cut(after, "\n")
	return url
}

// output is written by a process while others read.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
