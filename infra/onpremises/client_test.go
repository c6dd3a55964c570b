package onpremises_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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

// newClient is an OpenTofu with the backend block of the document, at the endpoints of these stores.
func (o *office) newClient(t *testing.T, backend string) *local.Workspace {
	t.Helper()
	tofu, err := local.Tofu()
	if err != nil {
		t.Fatal(err)
	}
	store, dir := o.written(t), t.TempDir()
	backend = strings.Replace(backend, `"http://127.0.0.1:8333"`, `"`+store.Endpoint+`"`, 1)
	if o.tables != nil { // as the document says in words
		backend = strings.Replace(backend, " }\n", fmt.Sprintf(", dynamodb = %q }\n    dynamodb_table = %q\n", o.tables.Endpoint, table), 1)
	}
	environment := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=" + os.DevNull}
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		environment = append(environment, name+"="+store.Env()[name])
	}
	client, err := local.Init(t.Context(), tofu, dir, backend+slow, environment)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// die kills an apply under its lock, as a laptop dies, and returns the lock's ID.
func (o *office) die(t *testing.T, client *local.Workspace) string {
	t.Helper()
	apply, err := client.Start(t.Context(), nil, func(said string) bool { return strings.Contains(said, "terraform_data.app: Creating...") })
	if err == nil {
		err = apply.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := client.Run(t.Context(), "plan"); err == nil || !strings.Contains(out, "Error acquiring the state lock") {
		t.Fatalf("the lock does not hold: %v\n%s", err, out)
	}
	object, err := o.written(t).S3().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key + tflock.Suffix)})
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

// written is the store as the document wrote it down: its endpoint, and the keys to it.
func (o *office) written(t *testing.T) *local.AWS {
	t.Helper()
	settings, err := os.ReadFile(filepath.Join(o.prefix, "lockwarden.env"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(settings), "AWS_ENDPOINT_URL_S3=")
	endpoint, _, _ := strings.Cut(after, "\n")
	text, err := os.ReadFile(filepath.Join(o.prefix, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	var id, secret string
	if _, err := fmt.Sscanf(string(text), "[store]\naws_access_key_id = %s\naws_secret_access_key = %s\n", &id, &secret); err != nil {
		t.Fatal(err)
	}
	return local.At(endpoint, id, secret)
}
